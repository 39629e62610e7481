// What was said here and has not come back yet as an event of the room. The
// hub drops what it has had already, so all of it may be sent again. One at a
// time is on its way: what was said first is heard first, whatever is refused.

import { $, clock, make, speak, token } from "./dom.js";
import { keepHere, recallHere } from "./store.js";
import { t } from "./words.js";

const MOST = 50; // waiting at once
const PATIENCE = 60000; // ms until it counts as not delivered
const SLOW = 1000; // ms to hold back when the hub says "slow"
const PAST_LIMIT = 3000; // ms that what was missed may take
const STORE = "outbox";

export class Outbox {
  #link;
  #items = []; // {ref, text, how, to, time, failed, why, li}
  #ready = false; // what we missed has come; what is here is not in it
  #flying = null; // the item that is on its way
  #timer = 0;

  constructor(link) {
    this.#link = link;
    link.addEventListener("state", () => {
      if (link.state !== "in") {
        this.#ready = false;
        this.#flying = null;
      }
    });
    link.addEventListener("welcome", () => this.#later(PAST_LIMIT));
    setInterval(() => this.#check(), 1000);
    this.#restore();
  }

  /** Say {text}, with `how` "act", or `to` one alone; false if too much waits
      already. */
  say(words) {
    if (this.#items.length >= MOST) {
      return false;
    }
    const item = { ref: token(20), ...words, time: Date.now(), failed: false };
    this.#add(item);
    this.#save();
    this.#push();
    return true;
  }

  /** What was missed has come; what is still here was not heard. */
  settled() {
    this.#ready = true;
    clearTimeout(this.#timer);
    this.#push();
  }

  /** An event of our own came back. */
  delivered(ref) {
    const at = this.#items.findIndex((item) => item.ref === ref);
    if (at >= 0) {
      this.#items[at].li.remove();
      this.#landed(this.#items[at]);
      this.#items.splice(at, 1);
      this.#save();
      this.#push();
    }
  }

  /** The hub did not take it. */
  refused({ ref, why, text }) {
    const item = this.#items.find((i) => i.ref === ref);
    if (why === "slow") {
      this.#ready = false;
      this.#flying = null;
      this.#later(SLOW);
    } else if (item) {
      this.#fail(item, why === "nobody" ? t("nobody", item.to) : text);
    }
  }

  /** The language has changed. */
  redraw() {
    for (const item of this.#items) {
      this.#show(item);
    }
  }

  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#link.state === "in") {
        this.settled();
      }
    }, wait);
  }

  #push() {
    const item = this.#items.find((i) => !i.failed);
    if (this.#ready && item && !this.#flying &&
        this.#link.send({ do: "say", ref: item.ref, text: item.text,
          how: item.how, to: item.to })) {
      this.#flying = item;
    }
  }

  #landed(item) {
    if (this.#flying === item) {
      this.#flying = null;
    }
  }

  #check() {
    const late = Date.now() - PATIENCE;
    for (const item of this.#items) {
      if (!item.failed && item.time < late) {
        this.#fail(item);
      }
    }
  }

  #fail(item, why) {
    item.failed = true;
    item.why = why;
    this.#show(item);
    this.#landed(item);
    this.#save();
    this.#push();
    speak(`${t("not-delivered")}: ${item.text}`);
  }

  #again(item) {
    item.failed = false;
    item.time = Date.now();
    this.#show(item);
    this.#save();
    this.#push();
    $("text").focus();
  }

  #discard(item) {
    this.delivered(item.ref);
    $("text").focus();
  }

  #add(item) {
    item.li = make("li", {});
    this.#items.push(item);
    $("pending").append(item.li);
    this.#show(item);
  }

  #show(item) {
    const tail = item.failed
      ? make("p", { className: "undelivered" },
        make("b", {}, t("not-delivered")), item.why ? `: ${item.why} ` : " ",
        make("button", { type: "button", className: "plain",
          onclick: () => this.#again(item) }, t("again")), " ",
        make("button", { type: "button", className: "plain",
          onclick: () => this.#discard(item) }, t("discard")))
      : make("span", { className: "sending" }, t("sending"));
    item.li.className = "say mine " + (item.failed ? "failed" : "waiting");
    item.li.replaceChildren(
      make("div", { className: "body" },
        item.to ? make("p", { className: "hint" }, t("private-to", item.to))
          : null,
        make("p", { className: "text", dir: "auto" },
          (item.how === "act" ? "* " : "") + item.text), tail),
      clock(item.time));
  }

  // A reload of the page must not lose what was said.
  #save() {
    const keep = this.#items.map(({ ref, text, how, to, time, failed }) =>
      ({ ref, text, how, to, time, failed }));
    keepHere(STORE, JSON.stringify(keep));
  }

  #restore() {
    try {
      const keep = JSON.parse(recallHere(STORE) ?? "[]");
      keep.slice(0, MOST).forEach((item) => this.#add(item));
    } catch {
      // Not ours, or an old form: nothing to bring back.
    }
  }
}
