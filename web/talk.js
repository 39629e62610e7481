// What was said and what happened, in the order of the hub's numbers.

import { $, bdi, clock, day, hue, linked, make, path, sameDay, size }
  from "./dom.js";
import { t } from "./words.js";

const TOGETHER = 5 * 60000; // ms within which lines of one person are one
const MOST = 1500; // lines kept; older ones are asked for again
const NEAR = 48; // px from the end that count as the end

/** Is there anything to read in it? Not all that the hub may say is known. */
const KNOWN = ["join", "say", "leave", "file", "gone", "act", "nick", "msg"];

/** Is it said or done by somebody, to all or to one alone? */
const SAID = ["say", "act", "msg"];
const isSaid = (event) => SAID.includes(event.what);

export class Talk {
  unread = 0;
  #log = $("log");
  #list = $("events");
  #items = []; // {event, li}, in order
  #marker = 0; // the first event that was not seen
  #title = () => {};
  #hush = 0;
  #atEnd = true;

  /** `changed` is called when the number of unread lines changes. */
  constructor(changed) {
    this.#title = changed;
    this.#log.addEventListener("scroll", () => {
      this.#atEnd = this.#distance() < NEAR;
      this.look();
    }, { passive: true });
    document.addEventListener("visibilitychange", () => this.look());
    window.addEventListener("focus", () => this.look());
    $("latest").addEventListener("click", () => this.toEnd());
    // The keyboard of a phone, or a longer message, takes room from the log.
    new ResizeObserver(() => this.#stick()).observe(this.#log);
    new ResizeObserver(() => this.#stick()).observe($("pending"));
  }

  get first() {
    return this.#items[0]?.event.n ?? 0;
  }

  get empty() {
    return this.#items.length === 0;
  }

  /** Has nobody said or shared anything? */
  get silent() {
    return this.#items.every(({ event }) =>
      ["join", "leave", "nick"].includes(event.what));
  }

  forget() {
    this.#items = [];
    this.#marker = 0;
    this.unread = 0;
    this.#list.replaceChildren();
    this.#atEnd = true;
    this.#title();
  }

  /** Older events, or what was missed; nothing of it is read aloud. */
  past(events, more) {
    const from = this.#log.scrollHeight - this.#log.scrollTop;
    const older = !this.empty && events.length > 0 &&
      events[0].n < this.first;
    this.#quietly(() => events.forEach((e) => this.#insert(e)));
    $("more").hidden = !more;
    if (older) {
      this.#log.scrollTop = this.#log.scrollHeight - from;
    } else {
      this.#stick();
    }
    this.#draw();
  }

  /** It happened just now, or was missed while the page was away. */
  add(event) {
    if (this.#insert(event)) {
      this.#count(event);
      this.#trim();
      this.#stick();
      this.#draw();
    }
  }

  /** What came while away counts as unread as well. */
  missed(event) {
    if (this.#has(event.n)) {
      return;
    }
    this.#quietly(() => this.#insert(event));
    this.#count(event);
  }

  /** Speaking means having read; the mark goes. */
  spoke() {
    this.#seen();
    this.#mark(0);
    this.toEnd();
  }

  toEnd() {
    this.#atEnd = true;
    this.#stick();
    this.look();
  }

  /** Whoever looks at the end of the log has read it. */
  look() {
    if (this.#looking() && this.unread > 0) {
      this.#seen();
    }
    this.#draw();
  }

  /** The language has changed. */
  redraw() {
    this.#quietly(() => {
      for (const item of this.#items) {
        item.li.replaceChildren(...content(item.event));
      }
      this.#items.forEach((_, at) => this.#dress(at));
    });
    this.#draw();
  }

  #distance() {
    const log = this.#log;
    return log.scrollHeight - log.scrollTop - log.clientHeight;
  }

  #looking() {
    return document.visibilityState === "visible" && document.hasFocus() &&
      this.#log.clientHeight > 0 && this.#atEnd;
  }

  #stick() {
    if (this.#atEnd) {
      this.#log.scrollTop = this.#log.scrollHeight;
    }
  }

  #quietly(work) {
    this.#log.setAttribute("aria-live", "off");
    work();
    clearTimeout(this.#hush);
    this.#hush = setTimeout(() => this.#log.removeAttribute("aria-live"), 500);
  }

  #count(event) {
    const counts = !event.you && (isSaid(event) || event.what === "file");
    if (!counts || this.#looking()) {
      return;
    }
    if (this.unread === 0) {
      this.#mark(event.n);
    }
    this.unread += 1;
    this.#title();
  }

  #seen() {
    this.unread = 0;
    this.#title();
  }

  #mark(n) {
    const old = this.#marker;
    this.#marker = n;
    for (const number of [old, n]) {
      const at = this.#items.findIndex((i) => i.event.n === number);
      if (at >= 0) {
        this.#dress(at);
      }
    }
  }

  #has(n) {
    const at = this.#place(n);
    return at > 0 && this.#items[at - 1].event.n === n;
  }

  /** The index behind the last event that is not after n. */
  #place(n) {
    let at = this.#items.length;
    while (at > 0 && this.#items[at - 1].event.n > n) {
      at -= 1;
    }
    return at;
  }

  #insert(event) {
    if (!KNOWN.includes(event.what) || this.#has(event.n)) {
      return false;
    }
    const at = this.#place(event.n);
    const li = make("li", {}, ...content(event));
    this.#list.insertBefore(li, this.#items[at]?.li ?? null);
    this.#items.splice(at, 0, { event, li });
    this.#dress(at);
    if (at + 1 < this.#items.length) {
      this.#dress(at + 1);
    }
    return true;
  }

  /** What a line shows depends on the one before: its day, its author. */
  #dress(at) {
    const { event, li } = this.#items[at];
    const before = this.#items[at - 1]?.event;
    const newDay = !before || !sameDay(before.time, event.time);
    const fresh = event.n === this.#marker;
    const goesOn = !newDay && !fresh && event.what === "say" &&
      before.what === "say" && before.name === event.name &&
      event.time - before.time < TOGETHER;
    li.className = (isSaid(event) ? "say" : "note") +
      (event.what === "act" || event.what === "msg" ? " " + event.what : "") +
      (event.you ? " mine" : "") + (goesOn ? " goes-on" : "");
    for (const old of li.querySelectorAll(":scope > .rule")) {
      old.remove();
    }
    if (fresh) {
      li.prepend(make("p", { className: "rule fresh" },
        make("span", {}, t("new"))));
    }
    if (newDay) {
      li.prepend(make("p", { className: "rule" },
        make("span", {}, day(event.time))));
    }
  }

  #trim() {
    if (this.#items.length > MOST && this.#atEnd) {
      for (const old of this.#items.splice(0, this.#items.length - MOST)) {
        old.li.remove();
      }
      this.#dress(0);
      $("more").hidden = false;
    }
  }

  #draw() {
    const button = $("latest");
    button.hidden = this.#atEnd;
    button.textContent = this.unread > 0 ? t("latest-n", this.unread)
      : t("latest");
  }
}

/** Who says or does it, for whose eyes, and what. */
function said(event, who) {
  const text = make("p", { className: "text", dir: "auto" },
    ...linked(event.text));
  if (event.what === "act") {
    return ["* ", who, " ", text];
  }
  if (event.what === "msg") {
    return [who, make("span", { className: "hint" },
      event.you ? t("private-to", event.to) : t("private")), text];
  }
  return [who, text];
}

function content(event) {
  const who = bdi(event.name ?? "", { className: "who " +
    hue(event.name ?? "") });
  if (isSaid(event)) {
    return [make("div", { className: "body" }, ...said(event, who)),
      clock(event.time)];
  }
  const file = () => make("a", { href: path(event.text), download: "" },
    bdi(event.text));
  const words = {
    join: () => [who, " ", t("joined")],
    leave: () => [who, " ", t("left")],
    nick: () => [who, ` ${t("renamed")} `, bdi(event.text,
      { className: "who " + hue(event.text) })],
    file: () => [who, ` ${t("shared")} `, file(), ` ${size(event.size)}`],
    gone: () => event.name
      ? [who, ` ${t("gone")} `, bdi(event.text)]
      : [`${t("gone-nobody")} `, bdi(event.text)],
  };
  return [make("p", { className: "body" }, ...words[event.what]()),
    clock(event.time)];
}
