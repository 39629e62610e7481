// Small things that every part uses: elements, sizes, times, safe links.

import { locale, t } from "./words.js";

export const $ = (id) => document.getElementById(id);

/** Make an element; strings among the children become text, never markup. */
export function make(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key in e) {
      e[key] = value;
    } else {
      e.setAttribute(key, value);
    }
  }
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

/** A name in a direction of its own, so that it turns nothing around it. */
export const bdi = (text, props = {}) =>
  make("bdi", { dir: "auto", ...props }, text);

/** Letters and digits that nobody guesses. */
export function token(length) {
  const set = "abcdefghijkmnopqrstuvwxyz0123456789";
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (b) => set[b % set.length]).join("");
}

/** One of eight colours, always the same for a name. */
export function hue(name) {
  let sum = 0;
  for (const c of name) {
    sum = (sum * 31 + c.codePointAt(0)) >>> 0;
  }
  return "hue" + sum % 8;
}

/** 1.4 MB */
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let value = bytes;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  const digits = at > 0 && value < 9.95 ? 1 : 0;
  const number = new Intl.NumberFormat(locale(), {
    minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number.format(value)}\u00a0${units[at]}`;
}

const dayNumber = (d) =>
  Math.round(new Date(d.getFullYear(), d.getMonth(), d.getDate()) / 864e5);

export const sameDay = (a, b) =>
  dayNumber(new Date(a)) === dayNumber(new Date(b));

/** Today, Yesterday, Monday 3 November. */
export function day(ms) {
  const then = new Date(ms);
  const now = new Date();
  const ago = dayNumber(now) - dayNumber(then);
  if (ago === 0 || ago === 1) {
    return t(ago === 0 ? "today" : "yesterday");
  }
  const how = { weekday: "long", day: "numeric", month: "long" };
  if (then.getFullYear() !== now.getFullYear()) {
    how.year = "numeric";
  }
  return new Intl.DateTimeFormat(locale(), how).format(then);
}

/** 14:05, with the whole date for whoever points at it. */
export function clock(ms) {
  const then = new Date(ms);
  const valid = !Number.isNaN(then.getTime());
  return make("time", {
    dateTime: valid ? then.toISOString() : "",
    title: valid ? then.toLocaleString(locale()) : "",
  }, valid ? then.toLocaleTimeString(locale(),
    { hour: "2-digit", minute: "2-digit" }) : "");
}

/** Today's time, or the date of an older day. */
export function when(ms) {
  if (sameDay(ms, Date.now())) {
    return clock(ms);
  }
  const then = new Date(ms);
  return make("time", {
    dateTime: then.toISOString(), title: then.toLocaleString(locale()),
  }, then.toLocaleDateString(locale(), { day: "numeric", month: "short" }));
}

// A closing mark belongs to the sentence, not to the address in it.
const LINK = /\bhttps?:\/\/[^\s<>"'“”‘’「」『』，。；！？、（）]+/giu;
const TAIL = /[.,;:!?)\]}]+$/;

/** An address without the marks that end the sentence around it. */
function trimmed(found) {
  const cut = found.replace(TAIL, "");
  const rest = found.slice(cut.length);
  // ")" stays where a "(" came before: Wikipedia has such addresses.
  return rest.startsWith(")") && cut.includes("(") ? cut + ")" : cut;
}

function valid(address) {
  try {
    return Boolean(new URL(address).hostname);
  } catch {
    return false;
  }
}

/** The text as nodes, with links where it names http or https addresses. */
export function linked(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    const address = trimmed(found[0]);
    if (!valid(address)) {
      continue;
    }
    nodes.push(text.slice(at, found.index));
    nodes.push(make("a", { href: address, target: "_blank",
      rel: "noopener noreferrer" }, address));
    at = found.index + address.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

/** The path of a shared file; each part coded, the slashes kept. */
export const path = (name) =>
  "files/" + name.split("/").map(encodeURIComponent).join("/");

/** Tell a screen reader, once. */
export function speak(text) {
  $("speak").textContent = text;
}
