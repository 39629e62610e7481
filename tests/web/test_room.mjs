// The page, the real hub, and a terminal: one room.

import fs from "node:fs";
import path from "node:path";

import { hub, Nc } from "./hub.mjs";
import { choose, connected, equal, file, folder, hash, LIMIT, ok, pending,
  picture, reads, runAll, said, say, setHidden, test, title, until, visit }
  from "./kit.mjs";

const MB = 1e6;

async function arrives(room, page, { name, buffer }) {
  await page.locator("#file-list").getByText(name, { exact: true })
    .waitFor({ timeout: 3 * LIMIT });
  await until(`${name} is there`, () =>
    room.read(name)?.length === buffer.length);
  equal(hash(room.read(name)), hash(buffer), name);
}

test("two browsers and nc -u: everybody reads all, in one order", async () => {
  const room = await hub();
  const ann = await visit(room.url);
  const bo = await visit(room.url, { name: "Bo" });
  const nick = new Nc(room.port, "Nick");
  await ann.locator("#people-list").getByText("Nick").waitFor();
  await bo.locator("#people-list").getByText("Nick").waitFor();
  const rounds = [...Array(8).keys()];
  await Promise.all([
    (async () => {
      for (const i of rounds) {
        await say(ann, `a${i}`);
      }
    })(),
    (async () => {
      for (const i of rounds) {
        await say(bo, `b${i}`);
      }
    })(),
    (async () => {
      for (const i of rounds) {
        nick.say(`n${i}`);
        // nc sends what it reads at once as one datagram.
        await until(`n${i}`, async () =>
          (await said(ann)).includes(`Nick: n${i}`));
      }
    })(),
  ]);
  await until("all", async () => (await said(ann)).length === 24 &&
    (await said(bo)).length === 24);
  const order = await said(ann);
  equal(await said(bo), order, "Bo reads what Ann reads");
  for (const [name, letter] of [["Ann", "a"], ["Bo", "b"], ["Nick", "n"]]) {
    equal(order.filter((line) => line.startsWith(name)),
      rounds.map((i) => `${name}: ${letter}${i}`), name);
  }
  const others = order.filter((line) => !line.startsWith("Nick"));
  await until("nc has all", () => nick.heard.length >= others.length);
  equal(nick.heard, others, "nc reads the same");
  nick.child.stdin.write("q\n");
  await ann.locator("#people-list").getByText("Nick")
    .waitFor({ state: "detached" });
  await picture(ann, "room");
});

test("acts, new names and what is for one alone, at the hub", async () => {
  const room = await hub();
  const ann = await visit(room.url);
  const bo = await visit(room.url, { name: "Bo" });
  const nc = new Nc(room.port, "Nick");
  await ann.locator("#people-list").getByText("Nick").waitFor();
  await say(ann, "/me waves");
  await reads(bo, ["Ann: waves"]);
  await say(ann, "/msg bo psst");
  await reads(bo, ["Ann: waves", "Ann: psst"]);
  await say(ann, "/msg nick hear");
  await say(ann, "/nick Anna Lee");
  await bo.getByText("is now called").waitFor();
  await say(bo, "/msg anna lee back");
  await reads(ann, ["Ann: waves", "Ann: psst", "Ann: hear", "Bo: back"]);
  await until("nc has it", () => nc.lines.includes("Anna Lee: joined the chat"));
  equal(nc.lines.filter((line) => !line.startsWith("Bo: joined")), [
    "Ann:* waves", "* Ann to you alone: hear", "Ann: left the chat",
    "Anna Lee: joined the chat"], "what nc reads");
  equal(await pending(ann), 0, "pending");
  await picture(bo, "acts");
});

test("20 MB go up and come down whole", async () => {
  const room = await hub();
  const ann = await visit(room.url);
  const bo = await visit(room.url, { name: "Bo" });
  const big = file("20 MB & more 文.bin", 20 * MB);
  await choose(ann, big);
  await arrives(room, ann, big);
  const link = bo.locator("#file-list a");
  await link.waitFor();
  const [download] = await Promise.all([bo.waitForEvent("download"),
    link.click()]);
  equal(download.suggestedFilename(), big.name, "its name");
  equal(hash(fs.readFileSync(await download.path())), hash(big.buffer),
    "what came down");
  await until("who shared it", async () =>
    (await bo.locator("#events").textContent()).includes("Ann shared"));
  await choose(bo, { ...big, buffer: Buffer.from("another") });
  await until("both are there", () => fs.readdirSync(room.files)
    .filter((name) => !name.startsWith(".")).length === 2);
  equal(hash(room.read(big.name)), hash(big.buffer), "the first one stays");
});

test("killed in the middle of talk and upload, all arrives once",
  async () => {
    const room = await hub();
    const ann = await visit(room.url, { breaks: true });
    const bo = await visit(room.url, { name: "Bo", breaks: true });
    const big = file("big.bin", 20 * MB);
    const session = await ann.context().newCDPSession(ann);
    // Slow enough for the kill to come in between.
    await session.send("Network.enable");
    const pace = (bytes) => session.send("Network.emulateNetworkConditions",
      { offline: false, latency: 0, downloadThroughput: -1,
        uploadThroughput: bytes });
    await pace(6 * MB);
    const texts = [];
    let number = 0;
    const both = async () => {
      number += 1;
      texts.push(`Ann: a${number}`, `Bo: b${number}`);
      await say(ann, `a${number}`);
      await say(bo, `b${number}`);
    };
    await both();
    await choose(ann, big);
    for (const wanted of [0.25, 0.6]) {
      await until(`${wanted} of it`, () => ann.locator("#uploads progress")
        .evaluate((e, part) => e.value > part, wanted));
      await both();
      await room.kill();
      equal(room.read(big.name), null, "the file is not whole yet");
      await both();
      await ann.locator("#state.offline").waitFor();
      await both();
      ok(await pending(ann) > 0, "something waits");
      await room.start();
      await connected(ann);
      await connected(bo);
      await both();
    }
    await pace(-1);
    await arrives(room, ann, big);
    for (const page of [ann, bo]) {
      await until("all", async () => (await said(page)).length >= texts.length);
      const got = await said(page);
      equal([...got].sort(), [...texts].sort(), "each once");
      for (const name of ["Ann", "Bo"]) {
        equal(got.filter((line) => line.startsWith(name)),
          texts.filter((line) => line.startsWith(name)), "in order");
      }
      equal(await pending(page), 0, "pending");
    }
    equal(await said(ann), await said(bo), "the same order");
    equal(fs.readdirSync(room.files).filter((name) => !name.startsWith(".")),
      ["big.bin"], "files");
    const cy = await visit(room.url, { name: "Cy" });
    await reads(cy, await said(ann));
  });

test("a reload or a short break is no leaving", async () => {
  const room = await hub();
  const ann = await visit(room.url);
  const bo = await visit(room.url, { name: "Bo" });
  await ann.reload();
  await connected(ann);
  await say(ann, "back");
  await reads(bo, ["Ann: back"]);
  const notes = await bo.locator("#events .note").allTextContents();
  equal(notes.filter((text) => text.includes("left")), [], "nobody left");
  await ann.close();
  await bo.locator("#people-list").getByText("Ann")
    .waitFor({ state: "detached" });
});

test("a hub that is stopped says good-bye, and is found again", async () => {
  const room = await hub();
  const ann = await visit(room.url, { breaks: true });
  const nick = new Nc(room.port, "Nick");
  await ann.locator("#people-list").getByText("Nick").waitFor();
  nick.say("before");
  await reads(ann, ["Nick: before"]);
  equal(await room.kill("SIGINT"), 0, "exit code");
  await ann.locator("#banner").waitFor();
  await say(ann, "anybody?");
  await room.start();
  await reads(ann, ["Nick: before", "Ann: anybody?"]);
  await setHidden(ann, true);
  const again = new Nc(room.port, "Nora");
  await ann.locator("#people-list").getByText("Nora").waitFor();
  again.say("hello");
  await title(ann, "(1) Workshop · tenon");
});

test("a name of markup and turned letters is text", async () => {
  const room = await hub();
  const ann = await visit(room.url);
  const name = "<b>x</b>\"'&";
  const nick = new Nc(room.port, name);
  await ann.locator("#people-list").getByText(name, { exact: true }).waitFor();
  nick.say("<img src=x onerror=alert(1)> \u202Egnp.exe");
  await until("said", async () => (await said(ann)).length === 1);
  const [line] = await said(ann);
  ok(line.startsWith(`${name}: <img src=x onerror=alert(1)>`), line);
  ok(!line.includes("\u202E"), "the override is gone");
  equal(await ann.locator("main b:not(.n), main img").count(), 0, "elements");
});

test("a name is taken whichever way it came in", async () => {
  const room = await hub();
  const ann = await visit(room.url);
  const nick = new Nc(room.port, "Nick");
  await ann.locator("#people-list").getByText("Nick").waitFor();
  const other = await visit(room.url, { name: "" });
  await other.locator("#door-field").fill("Nick");
  await other.keyboard.press("Enter");
  await other.getByText("Nick is here already").waitFor();
  await other.keyboard.press("Enter");
  await connected(other);
  equal(await other.locator("#me").textContent(), "Nick 2");
  nick.say("it is me");
  await reads(ann, ["Nick: it is me"]);
});

test("a room with a code lets in who knows it", async () => {
  const code = "kiwi-otter-7";
  const room = await hubWithCode(code);
  const ann = await visit(room.url, { name: "", breaks: true });
  await ann.locator("#door-field").fill("Ann");
  await ann.keyboard.press("Enter");
  const field = ann.getByRole("textbox", { name: "Room code" });
  await field.fill("guess");
  await ann.keyboard.press("Enter");
  await ann.getByText("That is not the code.").waitFor();
  await field.fill(code);
  await ann.keyboard.press("Enter");
  await connected(ann);
  await visit(`${room.url}#code=${code}`, { name: "Bo" });
  for (const secret of ["files/", "ws"]) {
    equal((await fetch(room.url + secret)).status, 401, secret);
  }
});

async function hubWithCode(code) {
  const file = path.join(folder(), "code");
  fs.writeFileSync(file, code + "\n", { mode: 0o600 });
  return hub("--code-file", file);
}

test("the page comes compressed, once, and under its policy", async () => {
  const room = await hub();
  const first = await fetch(room.url);
  equal(first.status, 200);
  equal(first.headers.get("content-encoding"), "gzip");
  ok(first.headers.get("content-security-policy")
    .includes("default-src 'none'"), "policy");
  const text = await first.text();
  const parts = [...text.matchAll(/(?:href|src)="([\w.]+)"/g)];
  for (const [, name] of [["", ""], ...parts]) {
    const whole = await fetch(room.url + name,
      { headers: { "accept-encoding": "identity" } });
    equal(whole.status, 200, name);
    const size = (await whole.arrayBuffer()).byteLength;
    equal(Number(whole.headers.get("content-length")), size, name);
    const again = await fetch(room.url + name,
      { headers: { "if-none-match": whole.headers.get("etag") } });
    equal(again.status, 304, name);
  }
});

await runAll();
