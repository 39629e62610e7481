// The page: brings its parts together.

import { understand } from "./command.js";
import { askCode, askName } from "./door.js";
import { $, bdi, hue, make, token } from "./dom.js";
import { Files } from "./files.js";
import { Link, ownKey } from "./link.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";
import { keep, recall } from "./store.js";
import { Talk } from "./talk.js";
import { Uploads, takeFiles } from "./upload.js";
import { change, start, t } from "./words.js";

const CALM = 1500; // ms that a break may take before it is told

start();
const link = new Link();
const outbox = new Outbox(link);
const talk = new Talk(() => title());
const people = new People();
const files = new Files();
const uploads = new Uploads({
  name: () => link.name,
  has: (name, bytes) => files.has(name, bytes),
});
let room = "tenon";
let textMax = 2000; // bytes
let takes = true; // does the hub take files?
let full = false;
let brokenSince = 0;
let settled = false; // what was missed has come
let latest = 0; // the last event that came before what was missed
let missing = false; // the next "past" is what came while we were away
let asking = false; // older events are on their way
let wanted = { ref: "", name: "" }; // the new name that was asked for

function title() {
  const n = talk.unread;
  document.title = (n > 0 ? `(${n}) ` : "") + room +
    (room === "tenon" ? "" : " · tenon");
  $("n-talk").textContent = n > 0 ? String(n) : "";
}

// --- the connection ---------------------------------------------------------

function showState() {
  const inside = link.state === "in";
  if (inside) {
    brokenSince = 0;
    full = false;
  } else {
    brokenSince ||= Date.now();
  }
  const state = inside ? "connected"
    : link.state === "stopped" || brokenSince === 0 ? "stopped"
      : talk.empty && link.state === "connecting" ? "connecting" : "offline";
  $("state").textContent = state === "stopped" ? "" : t(state);
  $("state").className = state;
  showBanner();
}

function showBanner() {
  const banner = $("banner");
  banner.hidden = !brokenSince || link.state === "stopped" ||
    Date.now() - brokenSince < CALM;
  if (banner.hidden) {
    return;
  }
  const wait = Math.ceil((link.retryAt - Date.now()) / 1000);
  const text = full ? t("full")
    : link.state === "waiting" && wait > 0 ? t("lost-in", wait)
      : t("lost-now");
  const span = banner.firstElementChild;
  if (span.textContent !== text) {
    span.textContent = text;
  }
}

function showMe() {
  const me = $("me");
  me.hidden = !link.name;
  me.replaceChildren(bdi(link.name));
  me.className = "plain " + hue(link.name);
  me.title = t("change-name", link.name);
  me.setAttribute("aria-label", me.title);
}

function showInvite() {
  const { hostname, host, port } = window.location;
  // "localhost" is of no use to others.
  const local = /^(localhost|127\..*|\[::1\])$/.test(hostname);
  const nc = `nc -u ${hostname.replace(/[[\]]/g, "")} ${port || 80}`;
  $("invite").replaceChildren(...(local ? [] : [t("invite"),
    make("code", { dir: "ltr" }, host), " ", t("invite-nc"),
    make("code", { dir: "ltr" }, nc)]));
}

/** Be called something else: by the hub's leave if we are in, else at once. */
function take(name) {
  wanted = { ref: token(20), name };
  if (!link.send({ do: "nick", ref: wanted.ref, name })) {
    keep("name", name);
    link.start(name);
    showMe();
  }
}

/** A new name; `proposal` is tried. With `leave` the old one may stay. */
async function changeName(error, proposal = link.name, leave = !error) {
  const name = await askName({ name: proposal, error, leave });
  if (name !== null && !(leave && name === link.name)) {
    take(name);
    $("text").focus();
  }
}

/** We have another name. */
function renamed(name) {
  link.name = keep("name", name);
  wanted = { ref: "", name: "" };
  showMe();
}

/** We keep the old one. */
function notRenamed({ why, text }) {
  const { name } = wanted;
  wanted = { ref: "", name: "" };
  const error = why === "taken" ? t("name-taken", name)
    : why === "name" ? t("name-bad") : why === "slow" ? t("name-slow") : text;
  changeName(error, why === "taken" ? another(name) : name, true);
}

link.addEventListener("state", showState);
link.addEventListener("code", async () => {
  await askCode();
  link.start(link.name);
});
link.addEventListener("welcome", ({ detail: m }) => {
  if (m.forget) {
    talk.forget();
  }
  settled = false;
  latest = 0;
  missing = !m.forget && !talk.empty;
  asking = false;
  room = m.room || "tenon";
  textMax = m.text_max ?? textMax;
  $("room").textContent = room;
  if (m.you) {
    link.name = m.you;
  }
  $("files").hidden = m.share === "no";
  $("n-files").parentElement.hidden = $("files").hidden;
  $("share").hidden = (m.share ?? "write") !== "write";
  takes = !$("share").hidden && !$("files").hidden;
  people.reset(link.name, m.people ?? []);
  files.reset(m.files ?? []);
  showMe();
  title();
  uploads.hurry();
});

// --- what happens -----------------------------------------------------------

function live(event) {
  if (["join", "leave", "nick"].includes(event.what)) {
    people.apply(event);
  } else if (event.what === "file" || event.what === "gone") {
    files.apply(event);
  }
  if (event.what === "nick" && event.you) {
    renamed(event.text);
  }
  talk.add(event);
}

link.addEventListener("event", ({ detail: event }) => {
  if (event.n <= link.seen) {
    return; // had it
  }
  // What was missed comes first; if not, a break now must not hide it.
  latest = Math.max(latest, event.n);
  link.passed(settled ? event.n : 0);
  live(event);
  if (event.ref) {
    outbox.delivered(event.ref);
  }
  showNothing();
});

// The hub had it before; its event is here already, or on its way.
link.addEventListener("said", ({ detail: m }) => outbox.delivered(m.ref));

link.addEventListener("past", ({ detail: { events, more } }) => {
  if (missing && more) {
    talk.forget(); // more was missed than is sent at once: a hole
  }
  if (missing) {
    events.forEach((event) => talk.missed(event));
  }
  for (const event of events) {
    link.passed(event.n);
    files.remember(event);
    if (event.ref) {
      outbox.delivered(event.ref);
    }
  }
  // After a welcome "more" speaks of what was missed, not of what is older.
  talk.past(events, missing && !more ? !$("more").hidden : more);
  link.passed(latest);
  settled = true;
  missing = asking = false;
  files.draw();
  outbox.settled();
  showNothing();
});

/** "Ann" becomes "Ann 2", "Ann 2" becomes "Ann 3". */
function another(name) {
  const [, stem, number] = /^(.*?)(?: (\d+))?$/.exec(name);
  return `${stem} ${Number(number ?? 1) + 1}`;
}

link.addEventListener("refused", ({ detail: m }) => {
  if (m.ref && m.ref === wanted.ref) {
    notRenamed(m);
  } else if (m.why === "taken") {
    link.stop();
    changeName(t("name-taken", link.name), another(link.name));
  } else if (m.why === "name") {
    link.stop();
    changeName(t("name-bad"));
  } else if (link.state !== "in" || m.why === "order") {
    full = m.why === "full";
    link.giveUp();
  } else if (m.ref) {
    outbox.refused(m);
  } else {
    asking = false; // older events, too often; the next scroll asks again
  }
});

function showNothing() {
  $("nothing").hidden = !talk.silent || !$("more").hidden ||
    $("pending").hasChildNodes();
  $("nothing").textContent = t("nothing");
}

$("more").addEventListener("click", () => {
  if (!asking) {
    asking = link.send({ do: "more", before: talk.first });
  }
});
$("log").addEventListener("scroll", () => {
  if ($("log").scrollTop < 80 && !$("more").hidden && !asking) {
    $("more").click();
  }
}, { passive: true });

// --- saying something -------------------------------------------------------

const field = $("text");

/** The text as it is said: in the room a message is one line. */
const spoken = () => field.value.trim().replace(/\s*\n\s*/g, " ");

function left() {
  return textMax - new TextEncoder().encode(spoken()).length;
}

function measure() {
  const rest = left();
  const note = rest < 0 ? t("too-long", -rest)
    : rest < textMax / 5 ? t("bytes-left", rest) : "";
  $("room-left").textContent = note;
  $("room-left").classList.toggle("bad", rest < 0);
  field.setAttribute("aria-invalid", String(rest < 0));
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

/** Do what was typed; a sentence if it cannot be done. */
function obey(text) {
  const asked = understand(text, people.names);
  if (asked.wrong) {
    return t(asked.wrong, asked.word);
  }
  if (asked.nick) {
    take(asked.nick);
  } else if (asked.nick === "") {
    changeName();
  } else if (!outbox.say(asked.say)) {
    return t("outbox-full");
  }
  return "";
}

function say() {
  const text = spoken();
  if (!text || left() < 0) {
    return;
  }
  const problem = obey(text);
  if (problem) {
    $("room-left").textContent = problem;
    return;
  }
  field.value = "";
  measure();
  showNothing();
  talk.spoke();
}

field.addEventListener("input", measure);
field.addEventListener("keydown", (e) => {
  // 229: an input method is still at work, Enter is for it.
  const composing = e.isComposing || e.keyCode === 229;
  if (e.key === "Enter" && !e.shiftKey && !composing) {
    e.preventDefault();
    say();
  } else if (e.key === "Escape" && !composing) {
    talk.toEnd();
  }
});
$("say").addEventListener("submit", (e) => {
  e.preventDefault();
  say();
  field.focus();
});

// --- the rest of the page ---------------------------------------------------

function view(name) {
  document.body.dataset.view = name;
  for (const b of document.querySelectorAll(".views button")) {
    b.setAttribute("aria-current", String(b.dataset.view === name));
  }
  if (name === "talk") {
    talk.toEnd();
  }
}

for (const b of document.querySelectorAll(".views button")) {
  b.addEventListener("click", () => view(b.dataset.view));
}
$("lang").addEventListener("click", () => {
  change();
  for (const part of [talk, outbox, uploads]) {
    part.redraw();
  }
  people.draw();
  files.draw();
  showState();
  showMe();
  showInvite();
  showNothing();
  measure();
});
$("me").addEventListener("click", () => changeName());
$("banner").lastElementChild.addEventListener("click", () => link.hurry());
setInterval(showBanner, 1000);

// Where the keyboard of a phone covers the page instead of making it smaller.
window.visualViewport?.addEventListener("resize", () => {
  document.documentElement.style.setProperty("--height",
    `${Math.round(window.visualViewport.height)}px`);
});

async function firstName() {
  return recall("name") ?? keep("name", await askName({}));
}

view("talk");
takeFiles(uploads, () => takes);
showInvite();
showState();
link.key = await ownKey();
link.start(await firstName());
