// Who is in the room.

import { $, bdi, hue, make } from "./dom.js";
import { locale, t } from "./words.js";

const MOST = 200; // names shown; more are counted

export class People {
  #others = new Map(); // name: kind
  #me = "";

  /** The room as it is now. */
  reset(me, people) {
    this.#me = me;
    this.#others = new Map(people.map((p) => [p.name, p.kind]));
    this.#others.delete(me);
    this.draw();
  }

  /** Everybody's name, our own among them. */
  get names() {
    return [this.#me, ...this.#others.keys()];
  }

  /** Somebody came or went, or is called something else. */
  apply(event) {
    if (event.what === "nick") {
      this.#rename(event);
      return;
    }
    if (event.name === this.#me) {
      return;
    }
    if (event.what === "join") {
      this.#others.set(event.name, event.kind);
    } else {
      this.#others.delete(event.name);
    }
    this.draw();
  }

  #rename({ name, text, you }) {
    if (you) {
      this.#me = text;
    } else if (this.#others.has(name)) {
      const kind = this.#others.get(name);
      this.#others.delete(name);
      this.#others.set(text, kind);
    }
    this.draw();
  }

  draw() {
    const order = new Intl.Collator(locale(), { numeric: true });
    const names = [...this.#others.keys()].sort(order.compare);
    const count = names.length + (this.#me ? 1 : 0);
    $("n-people").textContent = $("n-people-2").textContent =
      count ? String(count) : "";
    const lines = names.slice(0, MOST).map((n) => this.#line(n));
    if (this.#me) {
      lines.unshift(this.#line(this.#me, true));
    }
    if (names.length > MOST) {
      lines.push(make("li", { className: "hint" },
        `+ ${names.length - MOST}`));
    }
    $("people-list").replaceChildren(...lines);
  }

  #line(name, mine = false) {
    const other = mine ? "web" : this.#others.get(name) ?? "web";
    const note = mine ? t("you") : other === "web" ? "" : t("terminal");
    return make("li", {},
      make("span", { className: "mark " + hue(name), "aria-hidden": "true" },
        [...name][0]?.toUpperCase() ?? ""),
      bdi(name, { className: "who" }),
      note ? make("span", { className: "hint" }, note) : null);
  }
}
