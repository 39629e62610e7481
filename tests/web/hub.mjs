// The real hub, and a member of its room in a terminal.

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

import { atEnd, BUILD, folder, LIMIT, Skip, until } from "./kit.mjs";

const PROGRAM = process.env.TENON_PROGRAM ?? path.join(BUILD, "tenon");

/** A hub with a folder and a history of its own; it can be killed and go on. */
export class Hub {
  port = 0;
  #process = null;
  #stderr = "";

  constructor(...options) {
    this.options = options;
    this.home = folder();
    this.files = path.join(this.home, "files");
    fs.mkdirSync(this.files);
    atEnd(() => this.kill());
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  async start() {
    const { home } = this;
    const child = spawn(PROGRAM, ["hub", "--ready-fd", "3", "-p",
      String(this.port), "--bind", "127.0.0.1", "--lang", "en", "--name",
      "Workshop", ...this.options, this.files], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, HOME: home, XDG_STATE_HOME: home + "/state",
        XDG_DATA_HOME: home + "/data", XDG_CONFIG_HOME: home + "/config" },
    });
    this.#process = child;
    this.#stderr = "";
    child.stderr.on("data", (text) => { this.#stderr += text; });
    let ready = "";
    child.stdio[3].on("data", (text) => { ready += text; });
    await until("the hub is ready", () => {
      if (child.exitCode !== null) {
        throw new Error(`the hub ended: ${this.#stderr}`);
      }
      return ready.includes("\n");
    });
    this.port = Number(/:(\d+)\s*$/.exec(ready)[1]);
    return this;
  }

  /** End it by a signal; its exit code. */
  async kill(signal = "SIGKILL") {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return child?.exitCode;
    }
    const ended = new Promise((done) => { child.once("exit", done); });
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** The shared file, or null. */
  read(name) {
    const file = path.join(this.files, name);
    return fs.existsSync(file) ? fs.readFileSync(file) : null;
  }
}

/** A hub that is open. */
export async function hub(...options) {
  const help = spawnSync(PROGRAM, ["hub", "--help"], { timeout: LIMIT });
  if (!String(help.stdout).includes("--no-web")) {
    throw new Skip("this tenon was built without the web");
  }
  return await new Hub(...options).start();
}

/** Somebody with nc -u. */
export class Nc {
  #text = "";

  constructor(port, name) {
    this.name = name;
    const child = spawn("nc", ["-u", "127.0.0.1", String(port)],
      { stdio: ["pipe", "pipe", "ignore"] });
    this.child = child;
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    child.stdout.on("data", (data) => { this.#text += data; });
    atEnd(() => child.kill("SIGKILL"));
    child.stdin.write(name + "\n");
  }

  say(text) {
    this.child.stdin.write(`${this.name}:${text}\n`);
  }

  get lines() {
    return this.#text.split("\n").filter(Boolean);
  }

  /** What the others said, as "Ann: hello". */
  get heard() {
    return this.lines.filter((line) => /^[^:：]+:\S/.test(line))
      .map((line) => line.replace(":", ": "));
  }
}
