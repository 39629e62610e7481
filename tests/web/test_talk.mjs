// Talk on the page, against the mock: one order, everything once, whatever
// breaks in between.

import { mockHub } from "./mock.mjs";
import { connected, equal, lines, ok, pending, reads, runAll, said, say,
  setHidden, test, title, until, visit } from "./kit.mjs";

const number = (n) => Array.from({ length: n }, (_, i) => i + 1);

test("two browsers read each other in one order", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const bo = await visit(mock.url, { name: "Bo" });
  await say(ann, "hello");
  await reads(bo, ["Ann: hello"]);
  await say(bo, "hi Ann");
  await reads(ann, ["Ann: hello", "Bo: hi Ann"]);
  await reads(bo, ["Ann: hello", "Bo: hi Ann"]);
  equal(await pending(ann), 0, "pending");
});

test("what is said while the hub is away goes out once, in order", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  const bo = await visit(mock.url, { name: "Bo", breaks: true });
  await mock.stop();
  await ann.locator("#state.offline").waitFor();
  const texts = number(12).map((i) => `line ${i}`);
  for (const text of texts) {
    await say(ann, text);
  }
  equal(await pending(ann), 12, "pending");
  await ann.locator("#banner").waitFor();
  await mock.start();
  const all = texts.map((text) => "Ann: " + text);
  await reads(ann, all);
  await reads(bo, all);
  equal(await pending(ann), 0, "pending");
  await ann.locator("#banner").waitFor({ state: "hidden" });
});

test("an answer that is lost does not make it said twice", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  mock.trouble.losesAnswer = true;
  await say(ann, "only once");
  await reads(ann, ["Ann: only once"]);
  await until("nothing pending", async () => await pending(ann) === 0);
  await say(ann, "and on");
  await reads(ann, ["Ann: only once", "Ann: and on"]);
});

test("what was missed comes once, and is marked as new", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  mock.say("Bo", "before");
  await reads(ann, ["Bo: before"]);
  await setHidden(ann, true);
  await mock.stop();
  mock.say("Bo", "missed 1");
  mock.say("Bo", "missed 2");
  await mock.start();
  await reads(ann, ["Bo: before", "Bo: missed 1", "Bo: missed 2"]);
  await title(ann, "(2) Workshop · tenon");
  const marked = ann.locator("#events > li:has(.fresh)");
  equal(await marked.count(), 1, "marks");
  ok((await marked.textContent()).includes("missed 1"), "the first is marked");
  await setHidden(ann, false);
  await title(ann, "Workshop · tenon");
});

test("more missed than is sent at once: the rest is asked for", async () => {
  const mock = await mockHub();
  mock.say("Bo", "old");
  const ann = await visit(mock.url, { breaks: true });
  await reads(ann, ["Bo: old"]);
  await mock.stop();
  number(700).forEach((i) => mock.say("Bo", `m${i}`));
  await mock.start();
  // The leave and the join of Ann are among the last 500.
  await until("the last", async () => (await said(ann)).at(-1) === "Bo: m700");
  ok(!(await said(ann)).includes("Bo: old"), "nothing before the hole");
  for (let before = 0; ;) {
    const more = ann.locator("#more");
    if (!await more.isVisible()) {
      break;
    }
    before = await lines(ann);
    await more.click();
    await until("older", async () => await lines(ann) > before);
  }
  const all = await said(ann);
  equal(all, ["Bo: old", ...number(700).map((i) => `Bo: m${i}`)], "all");
});

test("another epoch is another history", async () => {
  const mock = await mockHub();
  mock.say("Bo", "long ago");
  const ann = await visit(mock.url, { breaks: true });
  await reads(ann, ["Bo: long ago"]);
  await mock.stop();
  mock.forget();
  mock.say("Bo", "a new day");
  await mock.start();
  await reads(ann, ["Bo: a new day"]);
});

test("nobody listens for a minute: not delivered, and again by hand",
  async () => {
    const mock = await mockHub();
    const ann = await visit(mock.url, { init: () => {} });
    await ann.clock.install();
    mock.trouble.deaf = true;
    await say(ann, "first");
    await say(ann, "second");
    await ann.clock.runFor(62000);
    await until("two marks", async () =>
      await ann.locator("#pending .failed").count() === 2);
    mock.trouble.deaf = false;
    await ann.getByRole("button", { name: "Try again" }).first().click();
    await reads(ann, ["Ann: first"]);
    await ann.getByRole("button", { name: "Discard" }).click();
    equal(await pending(ann), 0, "pending");
    await say(ann, "third");
    await reads(ann, ["Ann: first", "Ann: third"]);
  });

test("a hub that says slow gets it again later", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  mock.trouble.slow = 2;
  await say(ann, "one");
  await say(ann, "two");
  await reads(ann, ["Ann: one", "Ann: two"]);
});

test("what waits is bounded, and said to be too much", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  mock.trouble.deaf = true;
  for (const i of number(50)) {
    await say(ann, `m${i}`);
  }
  await say(ann, "one too many");
  equal(await pending(ann), 50, "pending");
  equal(await ann.locator("#text").inputValue(), "one too many", "kept");
  ok(await ann.getByText("Too much is waiting").isVisible(), "told");
});

test("a hub that is silent for 40 s is asked again", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await ann.clock.install();
  await say(ann, "here"); // its timers are the installed clock's from now on
  await reads(ann, ["Ann: here"]);
  const hellos = () => mock.heard.filter((m) => m.do === "hello").length;
  const before = hellos();
  await ann.clock.runFor(39000);
  mock.tell({ is: "alive", latest: mock.n });
  mock.say("Bo", "alive");
  await reads(ann, ["Ann: here", "Bo: alive"]);
  await ann.clock.runFor(39000);
  equal(hellos(), before, "hellos before");
  await ann.clock.runFor(5000);
  await until("another hello", () => hellos() === before + 1);
  await connected(ann);
});

test("a network that comes back is used at once", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  await ann.clock.install();
  await mock.stop(); // from now on no timer fires by itself
  await ann.clock.pauseAt(Date.now() + 1000);
  await ann.locator("#state.offline").waitFor();
  await mock.start();
  await ann.evaluate(() => window.dispatchEvent(new Event("online")));
  await connected(ann);
});

test("a welcome that never comes does not hold the page", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await ann.clock.install();
  mock.trouble.dumb = true;
  mock.drop();
  await ann.clock.runFor(2000);
  await until("a hello into the void", () =>
    mock.heard.filter((m) => m.do === "hello").length === 2);
  mock.trouble.dumb = false;
  await ann.clock.runFor(17000);
  await until("another hello", async () => {
    await ann.clock.runFor(1000);
    return mock.inside === 1;
  });
  ann.complaints.length = 0; // the connection was broken on purpose
});

test("older events come as one scrolls up, and the place is kept", async () => {
  const mock = await mockHub();
  number(640).forEach((i) => mock.say("Bo", `m${i}`));
  const ann = await visit(mock.url);
  await until("500", async () => await lines(ann) >= 499);
  const place = () => ann.evaluate(() => {
    const line = [...document.querySelectorAll("#events .text")].find((e) =>
      e.textContent === "m142");
    return line.getBoundingClientRect().top;
  });
  await ann.evaluate(() => { document.getElementById("log").scrollTop = 60; });
  const before = await place();
  await until("older", async () => await lines(ann) > 550);
  ok(Math.abs(await place() - before) < 3, "the line in view has not moved");
  await until("all", async () => {
    await ann.evaluate(() => { document.getElementById("log").scrollTop = 0; });
    return !await ann.locator("#more").isVisible();
  });
  equal((await said(ann)).slice(0, 2), ["Bo: m1", "Bo: m2"], "the first");
});

test("who reads older lines is not thrown to the end", async () => {
  const mock = await mockHub();
  number(80).forEach((i) => mock.say("Bo", `m${i}`));
  const ann = await visit(mock.url);
  const top = () => ann.evaluate(() =>
    document.getElementById("log").scrollTop);
  await until("at the end", async () => await top() > 500);
  await ann.locator("#log").focus();
  await ann.keyboard.press("Home");
  await until("at the start", async () => await top() === 0);
  mock.say("Bo", "fresh");
  await ann.getByRole("button", { name: "1 new message" }).click();
  await until("at the end", async () => await top() > 500);
  await title(ann, "Workshop · tenon");
  await ann.locator("#latest").waitFor({ state: "hidden" });
});

test("the title counts what was not read", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await title(ann, "Workshop · tenon");
  await setHidden(ann, true);
  mock.say("Bo", "one");
  mock.event("join", "Cy");
  mock.say("Bo", "two");
  await title(ann, "(2) Workshop · tenon");
  equal(await ann.locator(".fresh").count(), 1, "marks");
  await setHidden(ann, false);
  await title(ann, "Workshop · tenon");
  await say(ann, "read");
  equal(await ann.locator(".fresh").count(), 0, "marks after an answer");
});

test("names and texts are text, whatever is in them", async () => {
  const mock = await mockHub();
  const bad = "<img src=x onerror=alert(1)>\"'&\u202Egnp";
  mock.people = [{ name: bad, kind: "plain" }];
  mock.files.set(bad + "/../..%2f?#.txt", { data: Buffer.from("x"), time: 9 });
  mock.say(bad, `</p><script>alert(1)</script> ${bad}`);
  mock.event("file", bad, { text: bad, size: 3 });
  const ann = await visit(mock.url);
  await reads(ann, [`${bad}: </p><script>alert(1)</script> ${bad}`]);
  equal(await ann.locator("main img, main script").count(), 0, "elements");
  equal(await ann.locator("#people-list .who").nth(1).textContent(), bad);
  const turned = await ann.evaluate(() =>
    [...document.querySelectorAll(".who")].every((e) =>
      getComputedStyle(e).unicodeBidi.includes("isolate")));
  ok(turned, "names are isolated");
  const href = await ann.locator("#file-list a").getAttribute("href");
  equal(decodeURIComponent(href), "files/" + bad + "/../..%2f?#.txt");
  ok(/^[\w./%()'*!~-]+$/.test(href), "the address is coded");
});

test("addresses become links, and only those", async () => {
  const mock = await mockHub();
  mock.say("Bo", "see https://example.org/a_(b)?c=1&d=2. Or " +
    "(http://example.org/x), javascript:alert(1) data:text/html,x " +
    "http:// https://");
  const ann = await visit(mock.url);
  await until("links", () => ann.locator(".text a").count());
  const links = await ann.locator(".text a").evaluateAll((list) =>
    list.map((a) => [a.getAttribute("href"), a.rel, a.target]));
  equal(links, [
    ["https://example.org/a_(b)?c=1&d=2", "noopener noreferrer", "_blank"],
    ["http://example.org/x", "noopener noreferrer", "_blank"]]);
});

test("each day has its line, and what belongs together is together",
  async () => {
    const mock = await mockHub();
    const yesterday = Date.now() - 864e5;
    mock.say("Bo", "a").time = yesterday;
    mock.say("Bo", "b").time = yesterday + 1000;
    mock.say("Bo", "c");
    const ann = await visit(mock.url);
    await reads(ann, ["Bo: a", "Bo: b", "Bo: c"]);
    equal(await ann.locator(".rule").allTextContents(),
      ["Yesterday", "Today"], "days");
    equal(await ann.locator(".goes-on").count(), 1, "lines that go on");
  });

test("people and files follow what happens", async () => {
  const mock = await mockHub();
  mock.people = [{ name: "Bo", kind: "plain" }];
  const ann = await visit(mock.url);
  const names = () => ann.locator("#people-list .who").allTextContents();
  equal(await names(), ["Ann", "Bo"]);
  ok(await ann.getByText("in a terminal").isVisible(), "how Bo is in");
  mock.event("join", "Zoe", { kind: "web" });
  mock.event("join", "Al", { kind: "web" });
  await until("three", async () => (await names()).length === 4);
  equal(await names(), ["Ann", "Al", "Bo", "Zoe"]);
  mock.event("leave", "Bo");
  await until("two", async () => (await names()).length === 3);
  mock.event("file", "Al", { text: "notes.txt", size: 1234 });
  await ann.locator("#file-list").getByText("notes.txt").waitFor();
  ok((await ann.locator("#file-list").textContent()).includes("1.2\u00a0kB"),
    "size");
  mock.event("gone", "", { text: "notes.txt" });
  await ann.locator("#no-files").waitFor();
});

test("a reload keeps the name and what was not sent", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  mock.trouble.deaf = true;
  await say(ann, "survives");
  await ann.reload();
  await connected(ann);
  equal(await ann.locator("#me").textContent(), "Ann");
  equal(await pending(ann), 1, "pending");
  mock.trouble.deaf = false;
  mock.drop();
  await reads(ann, ["Ann: survives"]);
  equal(await pending(ann), 0, "pending");
});

test("two windows of one browser do not throw each other out", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const other = await ann.context().newPage();
  await other.goto(mock.url);
  await other.getByText("Ann is here already").waitFor();
  equal(await other.locator("#door-field").inputValue(), "Ann 2", "proposal");
  await other.keyboard.press("Enter");
  await connected(other);
  equal(mock.inside, 2, "members");
  equal(mock.heard.filter((m) => m.do === "hello").length, 3, "hellos");
  await say(ann, "still here");
  await reads(other, ["Ann: still here"]);
});

test("acts, and what is said to one alone", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const bo = await visit(mock.url, { name: "Bo B" });
  const cy = await visit(mock.url, { name: "Cy" });
  await say(ann, "/me waves <b>");
  await reads(bo, ["Ann: waves <b>"]);
  equal((await bo.locator(".act .body").textContent()).trim(),
    "* Ann waves <b>");
  await say(ann, "/msg bo b psst");
  await reads(bo, ["Ann: waves <b>", "Ann: psst"]);
  await reads(ann, ["Ann: waves <b>", "Ann: psst"]);
  ok(await bo.getByText("to you alone").isVisible(), "Bo sees that it is");
  ok(await ann.getByText("to Bo B alone").isVisible(), "Ann sees to whom");
  await say(bo, "aloud");
  await reads(cy, ["Ann: waves <b>", "Bo B: aloud"]);
  equal(mock.heard.find((m) => m.to)?.to, "bo b", "the longest name is meant");
});

test("nobody of that name: not delivered, and why", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await say(ann, "/msg Zoe psst");
  await ann.getByText("nobody is called Zoe").first().waitFor();
  equal(await pending(ann), 1, "pending");
  await ann.getByRole("button", { name: "Discard" }).click();
  await say(ann, "on");
  await reads(ann, ["Ann: on"]);
});

test("a command that is none is told and not sent", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  for (const text of ["/away", "/me", "/msg", "/msg Bo"]) {
    await say(ann, text);
    equal(await ann.locator("#text").inputValue(), text, "kept");
    ok((await ann.locator("#room-left").textContent()).includes(
      text.split(" ")[0]), "told: " + text);
  }
  await say(ann, "//away");
  await reads(ann, ["Ann: /away"]);
  equal(mock.heard.filter((m) => m.do === "say").length, 1, "sent");
});

test("a new name is told, without a leave", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const bo = await visit(mock.url, { name: "Bo" });
  const notes = async (page) => (await page.locator("#events > .note .body")
    .allTextContents()).map((text) => text.trim());
  await say(ann, "/nick Anna");
  await ann.locator("#me").getByText("Anna").waitFor();
  await until("Bo reads it", async () =>
    (await notes(bo)).includes("Ann is now called Anna"));
  equal(await bo.locator("#people-list .who").allTextContents(),
    ["Bo", "Anna"]);
  equal(await ann.locator("#people-list .who").allTextContents(),
    ["Anna", "Bo"]);
  await say(ann, "me still");
  await reads(bo, ["Anna: me still"]);
  ok(!(await notes(bo)).some((text) => text.includes("left")), "no leave");
  await ann.reload();
  await connected(ann);
  equal(await ann.locator("#me").textContent(), "Anna", "kept");
});

test("a name in use is asked again, and the old one may stay", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await visit(mock.url, { name: "Bo" });
  await say(ann, "/nick bo");
  await ann.getByText("bo is here already").waitFor();
  equal(await ann.locator("#door-field").inputValue(), "bo 2", "proposal");
  await ann.keyboard.press("Escape");
  equal(await ann.locator("#me").textContent(), "Ann");
  await ann.locator("#me").click();
  await ann.locator("#door-field").fill("Cleo");
  await ann.keyboard.press("Enter");
  await ann.locator("#me").getByText("Cleo").waitFor();
  equal(mock.heard.filter((m) => m.do === "hello").length, 2, "hellos");
});

await runAll();
