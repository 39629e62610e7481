// What the tests of the page share: TAP lines, a browser, bounded waits.
// Nothing sleeps: what must happen is waited for, each wait has a limit.

import crypto from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const scale = Number(process.env.TENON_TEST_TIMEOUT_SCALE ?? 1);
export const LIMIT = 20000 * scale; // ms that one wait may take
const CASE_LIMIT = 120000 * scale;
export const SOURCE = path.resolve(import.meta.dirname ??
  path.dirname(new URL(import.meta.url).pathname), "../..");
export const BUILD = process.env.TENON_BUILD ?? path.join(SOURCE, "build");
// Where playwright-core was installed, and where screenshots go.
export const WEB = process.env.TENON_WEB ?? path.join(SOURCE, "build-web");
export const modules = createRequire(path.join(WEB, "x.js"));
const { chromium } = modules("playwright-core");

const cases = [];

/** Register a case. */
export function test(name, run) {
  cases.push({ name, run });
}

export class Skip extends Error {}

export function equal(got, wanted, what = "value") {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) {
    throw new Error(`${what}: got ${a}, wanted ${b}`);
  }
}

export function ok(value, what) {
  if (!value) {
    throw new Error(what);
  }
}

/** Wait until it is true; returns what it was. */
export async function until(what, check, limit = LIMIT) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await check();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((done) => { setTimeout(done, 20); });
  }
}

const ends = [];

/** Have something ended with the case, the last one first. */
export const atEnd = (end) => ends.push(end);

/** A folder of its own, for as long as the case takes. */
export function folder() {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "tenon-web-"));
  atEnd(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

export const hash = (data) =>
  crypto.createHash("sha256").update(data).digest("hex");

/** A file of random bytes for the browser to send: {name, buffer}. */
export const file = (name, size) =>
  ({ name, buffer: crypto.randomBytes(size) });

/** Choose files, as by the button. */
export async function choose(page, ...files) {
  const place = folder();
  await page.locator("#picker").setInputFiles(files.map((each) => {
    const at = path.join(place, each.name);
    fs.writeFileSync(at, each.buffer);
    return at;
  }));
}

// --- the browser ------------------------------------------------------------

let browser = null;

async function launched() {
  browser ??= await chromium.launch({
    executablePath: process.env.TENON_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic",
      "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
      "--disable-dev-shm-usage",
      // A name of the network, as others see the hub.
      "--host-resolver-rules=MAP hub.test 127.0.0.1"],
  });
  return browser;
}

/**
 * A browser of its own (storage, cookies) with the page of a hub open. What it
 * complains of is in `complaints`, and fails the case; a hub that cannot be
 * reached is no complaint where `breaks` is set.
 */
export async function visit(url, { name = "Ann", breaks = false, init,
  ...options } = {}) {
  const context = await (await launched()).newContext({
    locale: "en-GB", timezoneId: "UTC", viewport: { width: 1200, height: 800 },
    reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  page.complaints = [];
  const complain = (text) => {
    const net = /net::ERR_|Failed to load resource|WebSocket connection/;
    if (!(breaks && net.test(text))) {
      page.complaints.push(text);
    }
  };
  page.on("console", (m) =>
    ["error", "warning"].includes(m.type()) && complain(m.text()));
  page.on("pageerror", (e) => complain(String(e)));
  page.on("request", (q) => {
    const own = q.url().startsWith(new URL(url).origin) ||
      q.url().startsWith("data:") || q.url().startsWith("blob:");
    own || complain("asks elsewhere: " + q.url());
  });
  atEnd(async () => {
    await context.close();
    equal(page.complaints, [], "complaints of the browser");
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (e) =>
      console.error("CSP: " + e.violatedDirective + " " + e.blockedURI));
  });
  if (name) {
    await page.addInitScript((n) => {
      if (window.localStorage.getItem("tenon.name") === null) {
        window.localStorage.setItem("tenon.name", n);
      }
    }, name);
  }
  if (init) {
    await page.addInitScript(init);
  }
  await page.goto(url);
  if (name) {
    await connected(page);
  }
  return page;
}

export const connected = (page) =>
  page.locator("#state.connected").waitFor();

/** Say something by keyboard. */
export async function say(page, text) {
  await page.locator("#text").fill(text);
  await page.locator("#text").press("Enter");
}

/** What was said, as the page shows it: "Ann: hello". */
export const said = (page) => page.evaluate(() =>
  [...document.querySelectorAll("#events > .say")].map((li) =>
    li.querySelector(".who").textContent + ": " +
    li.querySelector(".text").textContent));

/** Wait until exactly that was said. */
export async function reads(page, wanted) {
  let got = null;
  try {
    await until("talk", async () => {
      got = await said(page);
      return JSON.stringify(got) === JSON.stringify(wanted);
    });
  } catch {
    equal(got, wanted, "talk");
  }
}

/** Everything in the log, notes too, in the order of the page. */
export const lines = (page) => page.locator("#events > li").count();

/** Make the page think that its window is hidden, or seen again. */
export const setHidden = (page, hidden) => page.evaluate((value) => {
  Object.defineProperty(document, "visibilityState",
    { value: value ? "hidden" : "visible", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);

export const title = (page, wanted) =>
  until(`title ${wanted}`, async () => await page.title() === wanted);

export const pending = (page) => page.locator("#pending > li").count();

/** A picture for people to look at, in the build folder. */
export async function picture(page, name) {
  const shots = path.join(WEB, "screenshots");
  fs.mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, name + ".png") });
}

// --- running ----------------------------------------------------------------

async function one({ run }) {
  let timer;
  let problem = null;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error("the case took too long")),
      CASE_LIMIT);
  });
  try {
    await Promise.race([run(), late]);
  } catch (e) {
    problem = e;
  }
  clearTimeout(timer);
  while (ends.length > 0) {
    try {
      await ends.pop()();
    } catch (e) {
      problem ??= e;
    }
  }
  return problem;
}

/** Run what was registered; words in argv choose by name, "=NAME" just one. */
export async function runAll() {
  const chosen = cases.filter(({ name }) =>
    process.argv.slice(2).every((word) => word.startsWith("=")
      ? name === word.slice(1) : name.includes(word)));
  console.log(`1..${chosen.length}`);
  let failed = 0;
  for (const [at, each] of chosen.entries()) {
    const problem = await one(each);
    const skip = problem instanceof Skip;
    failed += Boolean(problem && !skip);
    console.log(`${problem && !skip ? "not ok" : "ok"} ${at + 1} - ` +
      each.name + (skip ? ` # SKIP ${problem.message}` : ""));
    if (problem && !skip) {
      console.log(String(problem.stack).replace(/^/gm, "#   "));
    }
  }
  await browser?.close();
  process.exit(failed > 0 ? 1 : 0);
}
