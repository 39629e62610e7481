// How the page meets people: the door, the keyboard, a screen reader, a phone,
// colours, languages. Against the mock.

import fs from "node:fs";
import path from "node:path";

import { mockHub } from "./mock.mjs";
import { connected, equal, ok, picture, reads, runAll, said, say, SOURCE, test,
  until, visit } from "./kit.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2,
  hasTouch: true, isMobile: true };
const COMMAND = "nc -u ";

/** A room in which something has happened. */
async function lively(change) {
  const mock = await mockHub(change);
  const now = Date.now();
  const before = (event, ms) => { event.time = now - ms; };
  mock.people = [{ name: "Bo", kind: "web" }, { name: "小明", kind: "plain" },
    { name: "Dr. Emmeline Featherstonehaugh", kind: "web" },
    { name: "עדה", kind: "plain" }];
  const file = (name, by, size, ms) => {
    mock.files.set(name, { data: Buffer.alloc(size),
      time: Math.floor((now - ms) / 1000) });
    before(mock.event("file", by, { text: name, size }), ms);
  };
  before(mock.event("join", "Bo", { kind: "web" }), 9e7);
  before(mock.say("Bo", "Morning! The slides are in the shared folder."),
    8.99e7);
  file("slides-week-3.pdf", "Bo", 2400000, 8.98e7);
  before(mock.say("Dr. Emmeline Featherstonehaugh", "Thanks! Is the part " +
    "about sticky packets the same as last year? I remember " +
    "https://en.wikipedia.org/wiki/Nagle%27s_algorithm being mentioned."),
  8.97e7);
  before(mock.event("join", "小明", { kind: "plain" }), 3e6);
  before(mock.say("小明", "大家好，我用 nc -u 加入的。"), 2.9e6);
  before(mock.say("小明", "有人能看到这条消息吗？"), 2.89e6);
  before(mock.say("Bo", "Yes, clear as day."), 2.8e6);
  before(mock.say("עדה", "שלום לכולם, abc"), 2.7e6);
  file("photo of the whiteboard.jpg", "小明", 834000, 2.6e6);
  return mock;
}

// --- the door ---------------------------------------------------------------

test("a first visit asks for a name, proposes one, and keeps it", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { name: "" });
  const dialog = ann.getByRole("dialog", { name: "What is your name?" });
  await dialog.waitFor();
  await picture(ann, "door");
  const field = ann.getByRole("textbox", { name: "Name" });
  const proposal = await field.inputValue();
  ok(/^\w+ \w+$/.test(proposal), `a proposal: ${proposal}`);
  await ann.keyboard.press("Escape");
  await ann.keyboard.press("Escape");
  ok(await dialog.isVisible(), "Escape does not go around it");
  equal(mock.inside, 0, "nobody is in without a name");
  await field.fill("");
  await ann.keyboard.press("Enter");
  await ann.getByText("Please enter a name.").waitFor();
  await field.fill("x".repeat(33));
  await ann.keyboard.press("Enter");
  await ann.getByText("This name cannot be used").waitFor();
  await field.fill("  Ann  ");
  await ann.keyboard.press("Enter");
  await connected(ann);
  equal(await ann.locator("#me").textContent(), "Ann");
  await ann.reload();
  await connected(ann);
  ok(!await dialog.isVisible(), "it is not asked twice");
});

test("a name that is taken, or refused, is asked for again", async () => {
  const mock = await mockHub({ people: [{ name: "Bo", kind: "plain" }] });
  const bo = await visit(mock.url, { name: "" });
  const field = bo.locator("#door-field");
  await field.fill("Bo");
  await bo.keyboard.press("Enter");
  await bo.getByText("Bo is here already").waitFor();
  equal(await field.inputValue(), "Bo 2", "proposal");
  await field.fill("Bo\u202E");
  await bo.keyboard.press("Enter");
  await bo.getByText("This name cannot be used").waitFor();
  await field.fill("Bo 2");
  await bo.keyboard.press("Enter");
  await connected(bo);
});

test("a name can be changed, and the old one goes", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await ann.getByRole("button", { name: "Ann, change your name" }).click();
  await ann.getByRole("button", { name: "Cancel" }).click();
  await ann.getByRole("button", { name: "Ann, change your name" }).click();
  await ann.locator("#door-field").fill("Anna");
  await ann.keyboard.press("Enter");
  await until("renamed", async () =>
    await ann.locator("#people-list .who").allTextContents() + "" === "Anna");
  await say(ann, "hello");
  await reads(ann, ["Anna: hello"]);
});

test("a closed room wants its code", async () => {
  const mock = await mockHub({ code: "kiwi7" });
  const ann = await visit(mock.url, { name: "", breaks: true });
  await ann.locator("#door-field").fill("Ann");
  await ann.keyboard.press("Enter");
  await ann.getByRole("dialog", { name: "The room is closed" }).waitFor();
  await ann.getByRole("textbox", { name: "Room code" }).fill("wrong");
  await ann.keyboard.press("Enter");
  await ann.getByText("That is not the code.").waitFor();
  await ann.getByRole("textbox", { name: "Room code" }).fill("kiwi7");
  await ann.keyboard.press("Enter");
  await connected(ann);
  const bo = await visit(mock.url + "#code=kiwi7", { name: "Bo" });
  equal(new URL(bo.url()).hash, "", "the code is gone from the address");
});

test("a hub that takes no files offers no way to send any", async () => {
  const mock = await lively({ share: "read" });
  const ann = await visit(mock.url);
  ok(!await ann.locator("#pick").isVisible(), "the button");
  ok(await ann.locator("#file-list").isVisible(), "the list");
  const data = await ann.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["one"], "one.txt"));
    return transfer;
  });
  await ann.dispatchEvent("#log", "dragenter", { dataTransfer: data });
  ok(!await ann.locator("#drop").isVisible(), "the drop");
  mock.share = "no";
  const bo = await visit(mock.url, { name: "Cy" });
  ok(!await bo.locator("#files").isVisible(), "no folder at all");
});

test("a full room is told, and tried again", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  mock.trouble.full = true;
  mock.drop();
  await ann.getByText("The room is full.").waitFor();
  mock.trouble.full = false;
  await ann.getByRole("button", { name: "Try now" }).click();
  await connected(ann);
});

// --- keyboard and screen reader ---------------------------------------------

test("everything can be reached and done by keyboard", async () => {
  const mock = await lively();
  const ann = await visit(mock.url);
  const where = () => ann.evaluate(() => document.activeElement.id ||
    document.activeElement.className || document.activeElement.tagName);
  const order = [];
  for (let i = 0; i < 30; i += 1) {
    await ann.keyboard.press("Tab");
    order.push(await where());
    const ring = await ann.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return style.outlineStyle !== "none" ||
        document.activeElement.matches(".skip");
    });
    ok(ring || order.at(-1) === "BODY", `${order.at(-1)}: focus is seen`);
  }
  const main = order.slice(0, order.indexOf("BODY"));
  equal(main.filter((id) => !["A"].includes(id)),
    ["skip", "me", "lang", "log", "text", "", "pick"].map((id) =>
      id || "BUTTON"), "order");
  await ann.locator(".skip").focus();
  await ann.keyboard.press("Enter");
  equal(await where(), "text", "the skip link's goal");
  const before = (await said(ann)).length;
  await ann.keyboard.type("first");
  await ann.keyboard.press("Shift+Enter");
  await ann.keyboard.type("second");
  await ann.keyboard.press("Enter");
  await until("said", async () => (await said(ann)).length === before + 1);
  equal((await said(ann)).at(-1), "Ann: first second", "one line");
  equal(await ann.locator("#text").inputValue(), "", "the field");
  await ann.keyboard.press("Enter");
  await ann.keyboard.type("   ");
  await ann.keyboard.press("Enter");
  await ann.keyboard.press("Shift+Tab");
  await ann.keyboard.press("Home");
  await ann.keyboard.press("Tab");
  await ann.keyboard.press("Escape");
  equal((await said(ann)).length, before + 1, "nothing empty is said");
  const chooser = ann.waitForEvent("filechooser");
  await ann.locator("#pick").focus();
  await ann.keyboard.press("Enter");
  await chooser;
});

test("Enter that belongs to an input method sends nothing", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await ann.locator("#text").fill("ni");
  await ann.locator("#text").dispatchEvent("keydown",
    { key: "Enter", isComposing: true, bubbles: true });
  await ann.locator("#text").dispatchEvent("keydown",
    { key: "Enter", keyCode: 229, bubbles: true });
  equal(await ann.locator("#text").inputValue(), "ni", "still there");
  await ann.locator("#text").press("Enter");
  await reads(ann, ["Ann: ni"]);
});

test("a text that is too long is not sent, and that is told", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const field = ann.locator("#text");
  await field.fill("文".repeat(660)); // 1,980 bytes
  await ann.getByText("20 bytes left").waitFor();
  await field.fill("文".repeat(667)); // 2,001 bytes
  await ann.getByText("1 byte too long").waitFor();
  equal(await field.getAttribute("aria-invalid"), "true");
  await field.press("Enter");
  equal((await field.inputValue()).length, 667, "it stays");
  await field.fill("文".repeat(666));
  await field.press("Enter");
  await reads(ann, ["Ann: " + "文".repeat(666)]);
});

test("a screen reader finds landmarks, names and live parts", async () => {
  const mock = await lively();
  const ann = await visit(mock.url);
  mock.trouble.onBytes = (upload, q) => q.pause();
  await ann.locator("#picker").setInputFiles({ name: "big.bin",
    mimeType: "x/y", buffer: Buffer.alloc(5e6) });
  for (const [role, name] of [["banner"], ["main"], ["heading", "Workshop"],
    ["region", "Talk"], ["region", /^People/], ["region", /^Files/],
    ["log", "Conversation"], ["textbox", "Message"], ["button", "Send"],
    ["button", "Share files"], ["button", "Cancel big.bin"],
    ["progressbar", "big.bin"], ["list", "Files being sent"],
    ["link", "slides-week-3.pdf"], ["link", "Skip to the message field"],
    ["button", "中文: switch to Chinese"]]) {
    ok(await ann.getByRole(role, name ? { name, exact: true } : {}).count() > 0,
      `${role} ${name ?? ""}`);
  }
  const session = await ann.context().newCDPSession(ann);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const roles = ["button", "link", "textbox", "progressbar", "dialog",
    "region", "log", "navigation"];
  const nameless = nodes.filter((n) => !n.ignored &&
    roles.includes(n.role?.value) && !n.name?.value).map((n) => n.role.value);
  equal(nameless, [], "without a name");
  equal(await ann.locator("#state").getAttribute("role"), "status");
  const loud = () => ann.locator("#log").getAttribute("aria-live");
  await until("history is not read aloud, what comes is", async () =>
    await loud() === null);
});

// --- what it looks like -----------------------------------------------------

test("nothing of the page is missing in either language", async () => {
  const mock = await lively();
  const ann = await visit(mock.url, { locale: "zh-CN", name: "小红" });
  equal(await ann.locator("html").getAttribute("lang"), "zh-CN");
  ok(await ann.getByRole("button", { name: "发送" }).isVisible(), "Chinese");
  ok((await ann.locator("#events").textContent()).includes("加入了群聊"),
    "notes");
  await picture(ann, "chinese");
  const all = await ann.evaluate(async () =>
    (await import("/words.js")).keys());
  equal(all.zh, all.en, "keys");
  const html = fs.readFileSync(path.join(SOURCE, "web/index.html"), "utf8");
  for (const [, key] of html.matchAll(/data-t(?:-\w+)?="([^"]+)"/g)) {
    ok(all.en.includes(key), `a word for ${key}`);
  }
  for (const name of fs.readdirSync(path.join(SOURCE, "web"))) {
    const text = fs.readFileSync(path.join(SOURCE, "web", name), "utf8");
    for (const [, key] of text.matchAll(/\bt\("([^"]+)"/g)) {
      ok(all.en.includes(key), `${name}: a word for ${key}`);
    }
  }
  await ann.getByRole("button", { name: "English: 切换到英文" }).click();
  equal(await ann.locator("html").getAttribute("lang"), "en");
  ok((await ann.locator("#events").textContent()).includes("came in"),
    "what is there already changes too");
  await ann.reload();
  await connected(ann);
  equal(await ann.locator("html").getAttribute("lang"), "en", "remembered");
});

test("on a phone: one part at a time, nothing wider than the screen",
  async () => {
    const mock = await lively();
    mock.say("Bo", "w".repeat(300));
    const ann = await visit(mock.url, { ...PHONE, name: "Cleo" });
    const wide = () => ann.evaluate(() =>
      document.scrollingElement.scrollWidth > window.innerWidth ||
      [...document.querySelectorAll("#log, .side")].some((e) =>
        e.scrollWidth > e.clientWidth));
    const fits = async (name) => {
      ok(!await wide(), `${name}: wider than the screen`);
      const small = await ann.evaluate(() =>
        [...document.querySelectorAll("button")].filter((b) =>
          b.checkVisibility() && b.getBoundingClientRect().height < 36)
          .map((b) => b.id || b.textContent));
      equal(small, [], `${name}: too small for a finger`);
      await picture(ann, name);
    };
    await until("talk", async () => (await said(ann)).length > 5);
    await fits("phone-talk");
    ok(!await ann.locator("#people").isVisible(), "people are elsewhere");
    const box = await ann.locator("#text").boundingBox();
    ok(box.y + box.height < 844, "the field is on the screen");
    await ann.getByRole("button", { name: /^People/ }).click();
    ok(await ann.locator("#people").isVisible(), "people");
    ok(!await ann.locator("#talk").isVisible(), "talk is elsewhere");
    await fits("phone-people");
    mock.say("Bo", "are you there?");
    await ann.locator("#n-talk").getByText("1").waitFor();
    await ann.getByRole("button", { name: /^Files/ }).click();
    await fits("phone-files");
    await ann.getByRole("button", { name: /^Talk/ }).click();
    await until("read", async () =>
      await ann.locator("#n-talk").textContent() === "");
    // As when the keyboard takes half of the screen.
    await ann.setViewportSize({ width: 390, height: 420 });
    await until("the field is still there", async () => {
      const at = await ann.locator("#text").boundingBox();
      return at.y + at.height <= 420;
    });
    await picture(ann, "phone-keyboard");
  });

test("contrast is at least 4.5 to 1 in light and dark", async () => {
  const mock = await lively();
  const ann = await visit(mock.url);
  for (const colorScheme of ["light", "dark"]) {
    await ann.emulateMedia({ colorScheme });
    const low = await ann.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      const channel = (v) => (v <= 0.03928 ? v / 12.92
        : ((v + 0.055) / 1.055) ** 2.4);
      const light = (name) => {
        const hex = style.getPropertyValue("--" + name).trim().slice(1);
        const full = hex.length === 3 ? hex.replace(/./g, "$&$&") : hex;
        const [r, g, b] = [0, 2, 4].map((at) =>
          channel(parseInt(full.slice(at, at + 2), 16) / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const pairs = [["on-accent", "accent"], ["on-warn", "warn"]];
      const hues = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => "hue" + n);
      for (const text of ["ink", "soft", "accent", "bad", ...hues]) {
        pairs.push([text, "sheet"], [text, "mine"]);
      }
      pairs.push(["ink", "paper"], ["soft", "paper"], ["accent", "paper"]);
      return pairs.map(([a, b]) => {
        const [x, y] = [light(a), light(b)];
        const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
        return `${a} on ${b}: ${ratio.toFixed(2)}`;
      }).filter((line) => !(Number(line.split(": ")[1]) >= 4.5));
    });
    equal(low, [], colorScheme);
    await say(ann, `It is ${colorScheme}.`);
    await until("said", async () =>
      (await said(ann)).at(-1) === `Ann: It is ${colorScheme}.`);
    await picture(ann, colorScheme);
  }
});

test("an empty room says so", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await ann.getByText("Nobody has said anything yet").waitFor();
  await ann.getByText("Nothing is shared yet.").waitFor();
  await picture(ann, "empty");
  await say(ann, "now I have");
  await ann.getByText("Nobody has said").waitFor({ state: "hidden" });
});

test("others are told how to come in, by address and by terminal",
  async () => {
    const mock = await mockHub();
    const ann = await visit(mock.url);
    equal(await ann.locator("#invite").textContent(), "",
      "127.0.0.1 is of no use to others");
    const far = await visit(`http://hub.test:${mock.port}/`, { name: "Bo" });
    const text = await far.locator("#invite").textContent();
    ok(text.includes(`hub.test:${mock.port}`), text);
    ok(text.includes(`${COMMAND}hub.test ${mock.port}`), text);
  });

test("a violation of the policy is seen by these tests", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  await ann.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.broken = 1";
    document.head.append(script);
    document.body.setAttribute("style", "color: red");
  });
  await until("complaints", () =>
    ann.complaints.some((c) => c.startsWith("CSP: script-src")) &&
    ann.complaints.some((c) => c.startsWith("CSP: style-src")));
  equal(await ann.evaluate(() => window.broken), undefined, "it did not run");
  ann.complaints.length = 0;
});

await runAll();
