// Files on their way to the hub: in parts, a few at once, and again from where
// the hub says it is after whatever broke.

import { $, bdi, make, path, size, speak, token } from "./dom.js";
import { t } from "./words.js";

const PART = 4 << 20; // bytes of one request; what a break costs at most
const AT_ONCE = 2; // files; more only share the same line
const MOST = 200; // files in the list
const FIRST_WAIT = 500; // ms after a break; doubled each time
const LONGEST_WAIT = 10000;
const SILENCE = 30000; // ms without progress: the connection is dead
const STALLED = 5000; // ms without progress that the eye should know of
const WINDOW = 6000; // ms over which speed is measured
const TICK = 500; // ms between two looks of the list
// The words for what trying again would not help; 4xx without any: f-other.
const FINAL = { 400: "f-name", 401: "f-401", 403: "f-403", 404: "f-name",
  405: "f-403", 409: "f-name", 413: "f-413", 414: "f-name", 507: "f-507" };
const PASSING = [408, 425, 429]; // 4xx that do not stay

/** One request; {status, offset, range}, or status 0 if it broke. */
function request(method, url, how) {
  const xhr = new XMLHttpRequest();
  let silence = 0;
  const answer = new Promise((done) => {
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => xhr.abort(), SILENCE);
    };
    xhr.open(method, url);
    for (const [name, value] of Object.entries(how.fields ?? {})) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.onprogress = (e) => {
      alive();
      how.progress?.(e.loaded);
    };
    xhr.onloadend = () => {
      clearTimeout(silence);
      const offset = xhr.getResponseHeader("Upload-Offset");
      done({ status: xhr.status,
        offset: offset === null ? null : Number(offset),
        range: xhr.getResponseHeader("Content-Range") });
    };
    alive();
    xhr.send(how.body ?? null);
  });
  return { answer, abort: () => xhr.abort() };
}

class Upload {
  state = "waiting"; // running broken failed done cancelled
  why = "";
  sent = 0; // bytes, also those of the part that is on its way
  #safe = 0; // bytes that the hub has
  #id = token(32);
  #request = null;
  #failures = 0;
  #wake = null;
  #marks = []; // [time, sent], for the speed
  #moved = 0; // when `sent` last grew
  #tried = false; // the last part went out once: it may have arrived

  constructor(file, room) {
    this.file = file;
    this.room = room; // {name(), has(name, bytes)}
    this.twin = room.has(file.name, file.size);
  }

  get over() {
    return ["failed", "done", "cancelled"].includes(this.state);
  }

  cancel() {
    this.state = "cancelled";
    this.#request?.abort();
    this.#wake?.();
  }

  /** The hub is there again; do not wait. */
  hurry() {
    this.#wake?.();
  }

  again() {
    this.state = "waiting";
    this.#failures = 0;
  }

  /** Send it all, however long it takes; ends when `over`. */
  async run() {
    this.state = "running";
    this.#moved = Date.now();
    let ask = this.#safe > 0 || this.#tried;
    while (!this.over) {
      const answer = ask ? await this.#ask() : await this.#part();
      if (this.over) {
        return;
      }
      ask = this.#judge(answer, ask);
      if (this.state === "broken") {
        await this.#pause();
        if (!this.over) {
          this.state = "running";
          this.#moved = Date.now();
        }
      }
    }
  }

  async #send(method, query, how) {
    const url = `${path(this.file.name)}?upload=${this.#id}${query}`;
    this.#request = request(method, url, how);
    const answer = await this.#request.answer;
    this.#request = null;
    return answer;
  }

  async #ask() {
    const answer = await this.#send("HEAD", "", {});
    if (answer.offset || ![200, 204, 404].includes(answer.status)) {
      return answer;
    }
    // The hub does not know this upload: it never began, or the hub forgot it
    // when it was started anew, just after the file was whole.
    return this.#tried && !this.twin ? this.#look()
      : { status: 200, offset: 0 };
  }

  /** All of it, if a file of this name and size is there; else nothing. */
  async #look() {
    this.#request = request("GET", path(this.file.name),
      { fields: { Range: "bytes=0-0" } });
    const { status, range } = await this.#request.answer;
    this.#request = null;
    const whole = status === 206 && range?.endsWith("/" + this.file.size);
    return { status: status && 200, offset: whole ? this.file.size : 0 };
  }

  async #part() {
    const { file } = this;
    const end = Math.min(this.#safe + PART, file.size);
    const start = this.#safe;
    this.#tried ||= end === file.size;
    try {
      // A file that was changed or taken away since looks like a broken
      // connection to XMLHttpRequest; this tells the two apart.
      await file.slice(start, Math.min(start + 1, end)).arrayBuffer();
    } catch {
      return { status: 0, unreadable: true };
    }
    return this.#send("PUT", `&offset=${start}&size=${file.size}`, {
      body: file.slice(start, end),
      fields: { "Content-Type": "application/octet-stream",
        "Tenon-Name": encodeURIComponent(this.room.name()) },
      progress: (loaded) => this.#progress(start + Math.min(loaded,
        end - start)),
    });
  }

  #progress(sent) {
    const now = Date.now();
    if (sent > this.sent) {
      this.#moved = now;
    }
    this.sent = sent;
    this.#marks.push([now, sent]);
    while (this.#marks.length > 2 && this.#marks[0][0] < now - WINDOW) {
      this.#marks.shift();
    }
  }

  #fail(why) {
    this.state = "failed";
    this.why = why;
  }

  /** What an answer means; true if the offset has to be asked for next. */
  #judge({ status, offset, unreadable }, asked) {
    const fits = [200, 202, 204].includes(status);
    if (unreadable) {
      this.#fail(t("f-read"));
    } else if (status === 201) {
      this.#finish();
    } else if (fits && offset !== null && (asked || offset !== this.#safe)) {
      this.#goOn(offset);
    } else if (status === 409 && offset !== null) {
      this.state = "broken"; // the browser itself sent it twice: ask
    } else if (FINAL[status]) {
      this.#fail(t(FINAL[status]));
    } else if (status >= 400 && status < 500 && !PASSING.includes(status)) {
      this.#fail(t("f-other", status));
    } else {
      this.state = "broken";
    }
    return this.state === "broken";
  }

  #goOn(offset) {
    if (offset > this.#safe) {
      this.#failures = 0;
    }
    this.#safe = Math.min(offset, this.file.size);
    this.sent = this.#safe;
    // An empty file is never half there; its answer alone tells.
    if (this.#safe === this.file.size && this.#tried && this.#safe > 0) {
      this.#finish();
    }
  }

  #finish() {
    this.sent = this.file.size;
    this.state = "done";
  }

  #pause() {
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures);
    this.#failures += 1;
    return new Promise((done) => {
      const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  /** "4.2 MB of 20 MB · 3.1 MB/s · 5 s left" */
  report() {
    const total = size(this.file.size);
    if (this.state === "waiting") {
      return `${total} · ${t("waiting")}`;
    }
    if (this.state === "done") {
      return `${total} · ${t("done")}`;
    }
    if (this.state === "failed") {
      return this.why;
    }
    const parts = [`${size(this.sent)} / ${total}`];
    const still = Date.now() - this.#moved;
    if (this.state === "broken") {
      parts.push(t("broken"));
    } else if (still > STALLED) {
      parts.push(t("stalled", Math.round(still / 1000)));
    } else if (this.sent === this.file.size) {
      parts.push(t("finishing"));
    } else {
      parts.push(...this.#pace());
    }
    return parts.join(" · ");
  }

  #pace() {
    const [from, to] = [this.#marks[0], this.#marks.at(-1)];
    const ms = to ? to[0] - from[0] : 0;
    const speed = ms > 300 ? (to[1] - from[1]) * 1000 / ms : 0; // bytes/s
    if (speed <= 0) {
      return [];
    }
    const left = Math.ceil((this.file.size - this.sent) / speed);
    const time = left < 90 ? t("left_s", left)
      : left < 5400 ? t("left_m", Math.round(left / 60))
        : t("left_h", Math.round(left / 3600));
    return [`${size(speed)}/s`, time];
  }
}

export class Uploads {
  #room;
  #list = []; // {upload, li, bar, note, button}
  #timer = 0;

  constructor(room) {
    this.#room = room;
    const hurry = () => this.hurry();
    window.addEventListener("online", hurry);
    window.addEventListener("beforeunload", (e) => {
      if (this.busy) {
        e.preventDefault();
      }
    });
  }

  get busy() {
    return this.#list.some(({ upload }) => !upload.over);
  }

  hurry() {
    this.#list.forEach(({ upload }) => upload.hurry());
  }

  /** Send files; folders among them are named and left out. */
  add(files, folders = []) {
    for (const name of folders) {
      this.#refuse(name, t("f-folder"));
    }
    for (const file of files.map(plain)) {
      if (this.#list.length >= MOST) {
        this.#refuse(file.name, t("f-many", MOST));
        break;
      }
      this.#show(new Upload(file, this.#room));
    }
    this.#next();
  }

  /** The language has changed. */
  redraw() {
    this.#list.forEach((item) => this.#draw(item));
  }

  #refuse(name, why) {
    const upload = new Upload(new File([], name), this.#room);
    upload.state = "failed";
    upload.why = why;
    upload.hopeless = true;
    this.#show(upload);
    speak(t("failed-say", name, why));
  }

  #next() {
    const running = this.#list.filter(({ upload }) =>
      ["running", "broken"].includes(upload.state)).length;
    const waiting = this.#list.filter(({ upload }) =>
      upload.state === "waiting");
    for (const item of waiting.slice(0, AT_ONCE - running)) {
      this.#run(item);
    }
    if (this.busy && !this.#timer) {
      this.#timer = setInterval(() => this.redraw(), TICK);
    } else if (!this.busy) {
      clearInterval(this.#timer);
      this.#timer = 0;
    }
  }

  async #run(item) {
    const { upload } = item;
    const { name } = upload.file;
    await upload.run();
    if (upload.state === "done") {
      speak(t("shared-say", name));
      setTimeout(() => this.#remove(item), 4000);
    } else if (upload.state === "failed") {
      speak(t("failed-say", name, upload.why));
    }
    this.#draw(item);
    this.#next();
  }

  #show(upload) {
    const name = upload.file.name;
    const item = { upload };
    item.bar = make("progress", { max: 1, value: 0, "aria-label": name });
    item.note = make("span", { className: "hint" });
    item.retry = make("button", { type: "button", className: "plain",
      onclick: () => {
        upload.again();
        this.#draw(item);
        this.#next();
      } }, "↻");
    item.button = make("button", { type: "button", className: "plain",
      onclick: () => this.#remove(item) }, "✕");
    item.li = make("li", {}, bdi(name), item.retry, item.button, item.bar,
      item.note);
    this.#list.push(item);
    $("uploads").append(item.li);
    this.#draw(item);
  }

  #draw({ upload, li, bar, note, retry, button }) {
    const { name, size: total } = upload.file;
    li.className = upload.state;
    const part = total ? upload.sent / total : Number(upload.state === "done");
    bar.value = part;
    bar.hidden = upload.state === "failed";
    const percent = ["running", "broken"].includes(upload.state)
      ? `${Math.floor(part * 100)} % · ` : "";
    note.textContent = percent + upload.report();
    retry.hidden = upload.state !== "failed" || Boolean(upload.hopeless);
    retry.setAttribute("aria-label", t("retry", name));
    button.setAttribute("aria-label",
      t(upload.over ? "dismiss" : "cancel", name));
  }

  #remove(item) {
    const at = this.#list.indexOf(item);
    if (at < 0) {
      return;
    }
    if (!item.upload.over) {
      item.upload.cancel();
    }
    const held = item.li.contains(document.activeElement);
    item.li.remove();
    this.#list.splice(at, 1);
    if (held) {
      $("pick").focus();
    }
    this.#next();
  }
}

/** The file by a name without what a name may not have. */
function plain(file) {
  const name = file.name.replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "");
  return name === file.name ? file
    : new File([file], name || "file", { type: file.type,
      lastModified: file.lastModified });
}

/** The files and the names of folders in what was dropped. */
function dropped(data) {
  const files = [];
  const folders = [];
  for (const item of data.items) {
    const file = item.kind === "file" ? item.getAsFile() : null;
    if (item.kind === "file" && item.webkitGetAsEntry?.()?.isDirectory) {
      folders.push(file?.name ?? "?");
    } else if (file) {
      files.push(file);
    }
  }
  return [files, folders];
}

/** Take files by button, by drop anywhere on the page, and by paste. */
export function takeFiles(uploads, allowed) {
  const has = (e) => allowed() && e.dataTransfer?.types.includes("Files");
  const overlay = $("drop");
  $("pick").addEventListener("click", () => $("picker").click());
  $("picker").addEventListener("change", () => {
    uploads.add([...$("picker").files]);
    $("picker").value = "";
  });
  document.addEventListener("dragenter", (e) => {
    overlay.hidden = !has(e);
  });
  document.addEventListener("dragover", (e) => {
    if (has(e)) {
      e.preventDefault();
      e.dataTransfer.dropEffect = "copy";
    }
  });
  document.addEventListener("dragleave", (e) => {
    if (!e.relatedTarget) {
      overlay.hidden = true;
    }
  });
  document.addEventListener("drop", (e) => {
    overlay.hidden = true;
    if (has(e)) {
      e.preventDefault();
      uploads.add(...dropped(e.dataTransfer));
    }
  });
  document.addEventListener("paste", (e) => {
    if (allowed() && e.clipboardData?.files.length > 0) {
      e.preventDefault();
      uploads.add([...e.clipboardData.files]);
    }
  });
}
