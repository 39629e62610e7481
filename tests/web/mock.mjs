// A hub in one process with the tests: docs/wire/web.md in memory. It can be
// stopped like a killed program, go on with what it knew, and misbehave.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";

import { atEnd, modules, SOURCE } from "./kit.mjs";

const { wsServer: WebSocketServer } =
  modules("playwright-core/lib/utilsBundle");

const TYPES = { html: "text/html; charset=utf-8", css: "text/css",
  js: "text/javascript", svg: "image/svg+xml" };
export const POLICY = "default-src 'none'; script-src 'self'; " +
  "style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const PAST = 500; // events after a welcome
const MORE = 100; // events of one "more"

export class Mock {
  room = "Workshop";
  epoch = "e1";
  code = "";
  textMax = 2000;
  share = "write";
  events = [];
  n = 0;
  people = []; // {name, kind} who are not browsers
  files = new Map(); // name: {data, time}
  uploads = new Map(); // ID: {chunks, bytes, done}
  puts = 0;
  trouble = {}; // what goes wrong: see where it is used
  heard = []; // every message of every browser
  #refs = new Map(); // key and ref: number
  #members = new Map(); // socket: {name, key}
  #sockets = new Set();
  #server = null;
  port = 0;

  async start() {
    this.#server = http.createServer((q, a) => this.#request(q, a));
    this.#server.on("connection", (s) => {
      this.#sockets.add(s);
      s.on("close", () => this.#sockets.delete(s));
      s.on("error", () => {});
    });
    const ws = new WebSocketServer({ noServer: true,
      handleProtocols: (set) => set.has("tenon.room.1") && "tenon.room.1" });
    this.#server.on("upgrade", (q, socket, head) => {
      if (q.url !== "/ws" || !this.#allowed(q)) {
        socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
        return;
      }
      ws.handleUpgrade(q, socket, head, (s) => this.#joined(s));
    });
    await new Promise((done) =>
      this.#server.listen(this.port, "127.0.0.1", done));
    this.port = this.#server.address().port;
    return this;
  }

  /** As if killed: nothing is said to anybody. */
  async stop() {
    if (!this.#server.listening) {
      return;
    }
    const closed = new Promise((done) => this.#server.close(done));
    this.#members.clear();
    this.drop();
    await closed;
  }

  /** Every connection breaks. */
  drop() {
    this.#sockets.forEach((s) => s.destroy());
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** How many browsers are in. */
  get inside() {
    return this.#members.size;
  }

  /** Another history, as after the old one was thrown away. */
  forget() {
    this.epoch += "x";
    this.events = [];
    this.n = 0;
    this.#refs.clear();
  }

  /** Something happens. */
  event(what, name, more = {}, author = null) {
    this.n += 1;
    const event = { n: this.n, time: Date.now(), what, name, ...more };
    this.events.push({ event, author });
    for (const [socket, member] of this.#members) {
      this.#send(socket, { is: "event", ...this.#seenBy(member, event,
        author) });
    }
    return event;
  }

  /** Somebody who is no browser says something. */
  say(name, text, more = {}) {
    return this.event("say", name, { text, ...more });
  }

  /** A message to every browser. */
  tell(message) {
    for (const socket of this.#members.keys()) {
      this.#send(socket, message);
    }
  }

  #seenBy(member, event, author) {
    return author && author === member.key ? { ...event, you: true }
      : { ...event, ref: undefined };
  }

  #send(socket, message) {
    socket.send(JSON.stringify(message));
  }

  #allowed(q) {
    return !this.code || q.headers.cookie === "tenon=" + this.code;
  }

  // --- the WebSocket ---

  #joined(socket) {
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      this.heard.push(message);
      this["_" + message.do]?.(socket, message);
    });
    socket.on("close", () => this.#gone(socket));
    socket.on("error", () => {});
  }

  #gone(socket) {
    const member = this.#members.get(socket);
    if (this.#members.delete(socket)) {
      this.event("leave", member.name);
    }
  }

  _hello(socket, { name, key, epoch, since }) {
    if (this.trouble.dumb) {
      return; // connected, and nothing comes
    }
    const taken = this.people.some((p) => p.name === name) ||
      [...this.#members.values()].some((m) => m.name === name &&
        m.key !== key);
    const bad = /[\u202e\n]/.test(name) || name.length > 32;
    if (taken || bad || this.trouble.full) {
      this.#send(socket, { is: "refused", why: this.trouble.full ? "full"
        : bad ? "name" : "taken", text: "no" });
      socket.close();
      return;
    }
    const member = { name, key };
    for (const [other, m] of this.#members) {
      if (m.key === key) {
        this.#send(other, { is: "bye" });
        other.close();
        this.#gone(other);
      }
    }
    this.event("join", name, { kind: "web" }, key);
    const others = [...this.#members.values()].map((m) =>
      ({ name: m.name, kind: "web" }));
    this.#members.set(socket, member);
    this.#send(socket, { is: "welcome", epoch: this.epoch, room: this.room,
      you: name, latest: this.n, people: [...this.people, ...others],
      files: [...this.files].map(([file, { data, time }]) =>
        ({ name: file, size: data.length, time })),
      share: this.share, text_max: this.textMax });
    const after = epoch === this.epoch ? since : 0;
    this.#past(socket, member, this.events.filter(({ event }) =>
      event.n > after), PAST);
  }

  #past(socket, member, list, limit) {
    this.#send(socket, { is: "past", more: list.length > limit,
      events: list.slice(-limit).map(({ event, author }) =>
        this.#seenBy(member, event, author)) });
  }

  _say(socket, { ref, text, how, to }) {
    const member = this.#members.get(socket);
    const once = member.key + " " + ref;
    if (this.trouble.slow > 0) {
      this.trouble.slow -= 1;
      this.#send(socket, { is: "refused", why: "slow", text: "slow", ref });
      return;
    }
    if (this.trouble.deaf) {
      return;
    }
    if (this.#refs.has(once)) {
      this.#send(socket, { is: "said", ref, n: this.#refs.get(once) });
      return;
    }
    this.#refs.set(once, this.n + 1);
    if (this.trouble.losesAnswer) {
      this.trouble.losesAnswer = false;
      this.#members.clear();
      this.drop();
    }
    if (to) {
      this.#whisper(socket, member, { ref, text, to });
    } else {
      this.event(how === "act" ? "act" : "say", member.name, { text, ref },
        member.key);
    }
  }

  /** To one, and back to the one who said it. */
  #whisper(socket, member, { ref, text, to }) {
    const other = [...this.#members].find(([, m]) =>
      m.name.toLowerCase() === to.toLowerCase());
    if (!other) {
      this.#send(socket, { is: "refused", why: "nobody", text: "no", ref });
      return;
    }
    this.n += 1;
    const event = { is: "event", n: this.n, time: Date.now(), what: "msg",
      name: member.name, to: other[1].name, text };
    this.#send(other[0], event);
    this.#send(socket, { ...event, you: true, ref });
  }

  _nick(socket, { ref, name }) {
    const member = this.#members.get(socket);
    if ([...this.#members.values()].some((m) => m !== member &&
        m.name.toLowerCase() === name.toLowerCase())) {
      this.#send(socket, { is: "refused", why: "taken", text: "no", ref });
      return;
    }
    const old = member.name;
    member.name = name;
    this.event("nick", old, { text: name }, member.key);
  }

  _more(socket, { before }) {
    this.#past(socket, this.#members.get(socket),
      this.events.filter(({ event }) => event.n < before), MORE);
  }

  // --- HTTP ---

  #request(q, a) {
    const url = new URL(q.url, "http://x");
    const name = url.pathname;
    a.setHeader("Content-Security-Policy", POLICY);
    a.setHeader("Cache-Control", "no-cache");
    if (name === "/info") {
      a.end(JSON.stringify({ name: "tenon", version: "0", room: this.room,
        epoch: this.epoch, code: !this.#allowed(q) }));
    } else if (name === "/enter") {
      this.#enter(q, a);
    } else if (name.startsWith("/files/")) {
      this.#file(q, a, decodeURIComponent(name.slice(7)), url.searchParams);
    } else {
      this.#asset(a, name === "/" ? "index.html" : name.slice(1));
    }
  }

  #asset(a, name) {
    const file = path.join(SOURCE, "web", path.basename(name));
    if (!fs.existsSync(file)) {
      a.writeHead(404).end();
      return;
    }
    a.setHeader("Content-Type", TYPES[name.split(".").at(-1)]);
    a.end(fs.readFileSync(file));
  }

  async #enter(q, a) {
    let body = "";
    for await (const chunk of q) {
      body += chunk;
    }
    const right = JSON.parse(body).code === this.code;
    if (right) {
      a.setHeader("Set-Cookie", "tenon=" + this.code);
    }
    a.writeHead(right ? 204 : 403).end();
  }

  #file(q, a, name, query) {
    const upload = this.uploads.get(query.get("upload"));
    if (q.method === "PUT") {
      this.#put(q, a, name, query);
    } else if (q.method === "HEAD") {
      if (upload) {
        a.setHeader("Upload-Offset", upload.bytes);
      }
      a.writeHead(upload ? 200 : 404).end();
    } else if (this.files.has(name) && q.headers.range) {
      const { data } = this.files.get(name);
      a.writeHead(206, { "Content-Range": `bytes 0-0/${data.length}` })
        .end(data.subarray(0, 1));
    } else if (this.files.has(name)) {
      a.end(this.files.get(name).data);
    } else {
      a.writeHead(404).end();
    }
  }

  #put(q, a, name, query) {
    const id = query.get("upload");
    const total = Number(query.get("size"));
    this.puts += 1;
    if (this.trouble.status) {
      q.resume();
      a.writeHead(this.trouble.status).end();
      return;
    }
    const upload = this.uploads.get(id) ??
      { chunks: [], bytes: 0, done: false };
    this.uploads.set(id, upload);
    if (Number(query.get("offset")) !== upload.bytes) {
      q.resume();
      a.writeHead(409, { "Upload-Offset": upload.bytes }).end();
      return;
    }
    q.on("data", (chunk) => {
      upload.chunks.push(chunk);
      upload.bytes += chunk.length;
      this.trouble.onBytes?.(upload, q);
    });
    q.on("end", () => this.#taken(q, a, name, upload, total));
    q.on("error", () => {});
  }

  #taken(q, a, name, upload, total) {
    if (upload.bytes < total) {
      a.writeHead(202, { "Upload-Offset": upload.bytes }).end();
      return;
    }
    upload.done = true;
    const data = Buffer.concat(upload.chunks);
    let final = name;
    for (let i = 2; this.files.has(final); i += 1) {
      final = name.replace(/(\.\w+)?$/, ` (${i})$1`);
    }
    this.files.set(final, { data, time: Math.floor(Date.now() / 1000) });
    if (this.trouble.losesAnswer) {
      this.trouble.losesAnswer = false;
      if (this.trouble.forgets) {
        this.uploads.clear();
      }
      q.socket.destroy();
    }
    this.event("file", decodeURIComponent(q.headers["tenon-name"] ?? ""),
      { text: final, size: data.length });
    a.writeHead(201, { Location: encodeURIComponent(final) }).end();
  }
}

/** A mock that ends with the case; `change` sets its members. */
export async function mockHub(change = {}) {
  const mock = Object.assign(new Mock(), change);
  await mock.start();
  atEnd(() => mock.stop());
  return mock;
}
