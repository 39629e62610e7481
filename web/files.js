// What is shared.

import { $, bdi, make, path, size, when } from "./dom.js";
import { t } from "./words.js";

const MOST = 300; // lines shown; "All files" has the rest

export class Files {
  #files = new Map(); // name: {name, size, time in ms, by}

  /** The folder as it is now. Who shared what is known from events only. */
  reset(files) {
    const old = this.#files;
    this.#files = new Map(files.map((f) => [f.name, { name: f.name,
      size: f.size, time: f.time * 1000, by: old.get(f.name)?.by }]));
    this.draw();
  }

  /** A file came or went. */
  apply(event) {
    if (event.what === "gone") {
      this.#files.delete(event.text);
    } else {
      this.#files.set(event.text, { name: event.text, size: event.size,
        time: event.time, by: event.name });
    }
    this.draw();
  }

  /** An older event tells who shared what is still there. */
  remember(event) {
    const file = this.#files.get(event.text);
    if (event.what === "file" && file && !file.by &&
        file.size === event.size) {
      file.by = event.name;
    }
  }

  has(name, bytes) {
    return this.#files.get(name)?.size === bytes;
  }

  draw() {
    const files = [...this.#files.values()].sort((a, b) => b.time - a.time ||
      a.name.localeCompare(b.name));
    $("n-files").textContent = $("n-files-2").textContent =
      files.length ? String(files.length) : "";
    $("no-files").hidden = files.length > 0;
    $("file-list").replaceChildren(...files.slice(0, MOST).map(line));
  }
}

function line(file) {
  return make("li", {},
    make("a", { href: path(file.name), download: "" }, bdi(file.name)),
    make("span", { className: "hint" }, size(file.size), " · ",
      when(file.time),
      ...(file.by ? [` · ${t("by")} `, bdi(file.by)] : [])));
}
