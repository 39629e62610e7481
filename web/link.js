// The connection to the hub. It comes back by itself, and knows which event
// was the last one, so that nothing is missed and nothing comes twice.

import { token } from "./dom.js";
import { keep, keepHere, recall, recallHere } from "./store.js";

const PROTOCOL = "tenon.room.1";
const FIRST_WAIT = 500; // ms; doubled with each failure
const LONGEST_WAIT = 10000;
const SILENCE = 40000; // the hub says something every 15 s
const DOUBT = 20000; // ms of silence that are suspicious after a sleep
const INFO_LIMIT = 8000; // ms for GET /info
const WELCOME_LIMIT = 15000; // ms from the first byte to the welcome

/**
 * A key that no other window of this browser uses now. The same key in two
 * windows would have each throw the other out, for ever.
 */
export async function ownKey() {
  const old = recallHere("key") ?? recall("key");
  let key = old ?? token(32);
  let used = false;
  const channel = new BroadcastChannel("tenon");
  const myself = token(8);
  channel.onmessage = ({ data }) => {
    if (data.key === key && data.from !== myself) {
      if (data.ask) {
        channel.postMessage({ key, from: myself });
      } else {
        used = true;
      }
    }
  };
  if (old) {
    channel.postMessage({ key, from: myself, ask: true });
    await new Promise((done) => { setTimeout(done, 120); });
  }
  if (used) {
    key = token(32);
  } else {
    keep("key", key);
  }
  keepHere("key", key);
  return key;
}

/**
 * Events: "state" (this.state: "connecting", "in", "waiting", "stopped"),
 * "code" (the hub wants the room code; start() goes on), and each message of
 * the hub by its "is", its object as `detail`.
 */
export class Link extends EventTarget {
  state = "stopped";
  retryAt = 0; // ms since 1970, while waiting
  epoch = "";
  seen = 0; // the last event
  name = "";
  key = "";
  #socket = null;
  #failures = 0;
  #timer = 0;
  #silence = 0;
  #heard = 0; // when the hub last said something
  #attempt = 0; // which try this is; late answers of older ones are nothing

  constructor() {
    super();
    const again = () => this.hurry();
    window.addEventListener("online", again);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") {
        this.hurry();
      }
    });
    // A page put aside by "back" must not keep a connection.
    window.addEventListener("pagehide", () => this.#drop());
    window.addEventListener("pageshow", (e) => {
      if (e.persisted && this.state !== "stopped") {
        this.#connect();
      }
    });
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  #become(state) {
    this.state = state;
    this.#tell("state");
  }

  /** Connect as `name`; a connection under another name ends. */
  start(name) {
    this.name = name;
    this.#failures = 0;
    this.#connect();
  }

  /** Stay away until start(). */
  stop() {
    this.#drop();
    this.#become("stopped");
  }

  /** Do not wait for the next try, nor for the end of a silence. */
  hurry() {
    const silent = this.state === "in" && Date.now() - this.#heard > DOUBT;
    if (this.state === "waiting" || silent) {
      this.#connect();
    }
  }

  /** This connection is of no use; another one, after a while. */
  giveUp() {
    if (this.#socket) {
      this.#lost();
    }
  }

  /** Send a message; false if there is nobody to send it to. */
  send(message) {
    if (this.state !== "in" || this.#socket.readyState !== WebSocket.OPEN) {
      return false;
    }
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** An event was dealt with; the next hello asks for what comes after. */
  passed(n) {
    this.seen = Math.max(this.seen, n);
  }

  #drop() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #lost() {
    this.#drop();
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures);
    this.#failures += 1;
    // A room full of browsers must not come back in one moment.
    const wait = longest * (0.5 + Math.random() / 2);
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#become("waiting");
  }

  #listen(limit) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), limit);
  }

  async #connect() {
    this.#drop();
    const attempt = this.#attempt;
    this.#become("connecting");
    let info;
    try {
      const answer = await fetch("info",
        { cache: "no-store", signal: AbortSignal.timeout(INFO_LIMIT) });
      info = answer.ok ? await answer.json() : null;
    } catch {
      info = null;
    }
    if (attempt !== this.#attempt) {
      return;
    }
    if (!info) {
      this.#lost();
    } else if (info.code) {
      this.stop();
      this.#tell("code");
    } else {
      this.#open();
    }
  }

  #open() {
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, PROTOCOL);
    this.#socket = socket;
    this.#listen(WELCOME_LIMIT);
    socket.onopen = () => socket.send(JSON.stringify({ do: "hello",
      name: this.name, key: this.key, epoch: this.epoch, since: this.seen }));
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) {
        this.#heard = Date.now();
        this.#listen(SILENCE);
        this.#hear(data);
      }
    };
    socket.onclose = () => {
      if (socket === this.#socket) {
        this.#lost();
      }
    };
  }

  #hear(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      this.#lost(); // not the hub, or not whole: begin anew
      return;
    }
    if (message.is === "welcome") {
      this.#failures = 0;
      message.forget = message.epoch !== this.epoch;
      if (message.forget) {
        this.epoch = message.epoch;
        this.seen = 0;
      }
      this.#become("in");
    }
    this.#tell(message.is, message);
    if (message.is === "bye" && this.#socket) {
      this.#lost();
    }
  }
}
