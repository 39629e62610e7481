// Files from the page to the hub, against the mock: whole, once, and from
// where it broke.

import { mockHub } from "./mock.mjs";
import { choose, connected, equal, file, hash, LIMIT, ok, picture, runAll,
  test, until, visit } from "./kit.mjs";

const MB = 1e6;

/** Wait until the hub has that many files, and the page shows them. */
async function arrives(mock, page, files) {
  for (const { name, buffer } of files) {
    await until(`${name} is there`, () => mock.files.has(name), 3 * LIMIT);
    equal(hash(mock.files.get(name).data), hash(buffer), name);
    await page.locator("#file-list").getByText(name, { exact: true }).waitFor();
  }
  await until("no upload in the list", async () =>
    await page.locator("#uploads > li:not(.done)").count() === 0);
  equal(mock.files.size, files.length, "files at the hub");
}

const note = (page) => page.locator("#uploads .hint").first();

test("20 MB arrive whole, with progress", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const big = file("big.bin", 20 * MB);
  const seen = new Set();
  mock.trouble.onBytes = (upload, q) => {
    if (upload.bytes > 9 * MB && !seen.has("paused")) {
      seen.add("paused");
      q.pause();
      seen.resume = () => q.resume();
    }
  };
  await choose(ann, big);
  await until("half way", () => seen.has("paused"));
  await until("per cent", async () =>
    /^[4-6]\d % · .* \/ 20\sMB/.test(await note(ann).textContent()));
  const bar = ann.getByRole("progressbar", { name: "big.bin" });
  const value = Number(await bar.evaluate((e) => e.value));
  ok(value > 0.4 && value < 0.7, `the bar shows ${value}`);
  seen.resume();
  await arrives(mock, ann, [big]);
  await until("it is told", async () =>
    (await ann.locator("#speak").textContent()) === "big.bin is shared");
  ok((await ann.locator("#file-list").textContent()).includes("by Ann"), "by");
  equal(mock.puts, 5, "parts");
});

test("several at once, an empty one and strange names among them",
  async () => {
    const mock = await mockHub();
    const ann = await visit(mock.url);
    const files = [file("a.bin", 5 * MB), file("empty", 0),
      file("100% #1?&'\" ü 文件.txt", 10), file("..strange..name", 1),
      file("d.bin", 4 << 20), file("e.bin", (4 << 20) + 1)];
    let most = 0;
    let now = 0;
    mock.trouble.onBytes = (upload, q) => {
      if (!q.counted) {
        q.counted = true;
        now += 1;
        most = Math.max(most, now);
        q.on("close", () => { now -= 1; });
      }
    };
    await choose(ann, ...files);
    await arrives(mock, ann, files);
    ok(most <= 2, `${most} at once`);
  });

test("a name that turns the text round is made plain", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const sent = file("\u202egpj\u2066.e\nxe", 7);
  await choose(ann, sent);
  await arrives(mock, ann, [{ ...sent, name: "gpj.exe" }]);
  equal(await ann.locator("#uploads bdi").first().textContent(), "gpj.exe",
    "shown");
});

test("a broken connection costs no more than what was on its way",
  async () => {
    const mock = await mockHub();
    const ann = await visit(mock.url, { breaks: true });
    const big = file("big.bin", 20 * MB);
    let breaks = 3;
    let total = 0;
    mock.trouble.onBytes = (upload, q) => {
      total = Math.max(total, upload.bytes);
      if (breaks > 0 && upload.bytes > (4 - breaks) * 5 * MB) {
        breaks -= 1;
        q.socket.destroy();
      }
    };
    await choose(ann, big);
    await arrives(mock, ann, [big]);
    equal(breaks, 0, "breaks left");
    equal([...mock.uploads.values()].map((u) => u.bytes), [20 * MB],
      "bytes taken in all");
  });

test("the hub is killed in the middle of an upload and comes back",
  async () => {
    const mock = await mockHub();
    const ann = await visit(mock.url, { breaks: true });
    const files = [file("big.bin", 20 * MB), file("other.bin", 9 * MB)];
    let killed = null;
    mock.trouble.onBytes = (upload) => {
      if (upload.bytes > 6 * MB && !killed) {
        killed = { end: mock.stop() };
      }
    };
    await choose(ann, ...files);
    await until("killed", () => killed);
    await killed.end;
    await ann.getByText("interrupted").first().waitFor();
    await mock.start();
    await connected(ann);
    await arrives(mock, ann, files);
  });

test("the answer to the last part is lost: the file comes once", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  const small = file("small.bin", 1000);
  mock.trouble.losesAnswer = true;
  await choose(ann, small);
  await arrives(mock, ann, [small]);
  await choose(ann, { ...small, name: "next.bin" });
  await arrives(mock, ann, [small, { ...small, name: "next.bin" }]);
});

test("and once, too, if the hub has forgotten the upload", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  const two = file("two.bin", 5 * MB);
  let parts = 0;
  mock.trouble.forgets = true;
  mock.trouble.onBytes = (upload, q) => {
    if (!q.counted) {
      q.counted = true;
      parts += 1;
      mock.trouble.losesAnswer = parts === 2;
    }
  };
  await choose(ann, two);
  await arrives(mock, ann, [two]);
});

test("a name that is taken becomes another, and both are there", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const [one, two] = [file("same.txt", 10), file("same.txt", 10)];
  await choose(ann, one);
  await arrives(mock, ann, [one]);
  await choose(ann, two);
  await arrives(mock, ann, [one, { ...two, name: "same (2).txt" }]);
});

for (const [status, words] of [[413, "too large for the hub"],
  [507, "no room on the hub's disk"], [403, "the hub does not take files"],
  [401, "the room code is needed"], [400, "does not take this name"],
  [418, "refused it (418)"]]) {
  test(`${status} is told in words, and can be tried again`, async () => {
    const mock = await mockHub();
    const ann = await visit(mock.url, { breaks: true });
    mock.trouble.status = status;
    const small = file("small.bin", 10);
    await choose(ann, small);
    await ann.locator("#uploads").getByText(words).waitFor();
    mock.trouble.status = 0;
    await ann.getByRole("button", { name: "Try again: small.bin" }).click();
    await arrives(mock, ann, [small]);
  });
}

test("503 passes by itself", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  mock.trouble.status = 503;
  const small = file("small.bin", 10);
  await choose(ann, small);
  await until("tried", () => mock.puts >= 1);
  mock.trouble.status = 0;
  await arrives(mock, ann, [small]);
});

test("an upload can be given up, and leaves no trace", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  let held = false;
  mock.trouble.onBytes = (upload, q) => {
    held = true;
    q.pause();
  };
  await choose(ann, file("no.bin", 9 * MB));
  await until("under way", () => held);
  await ann.getByRole("button", { name: "Cancel no.bin" }).click();
  equal(await ann.locator("#uploads > li").count(), 0, "uploads");
  ok(await ann.evaluate(() => document.activeElement.id === "pick"),
    "the focus has a place");
  mock.trouble.onBytes = null;
  const next = file("next.bin", 10);
  await choose(ann, next);
  await arrives(mock, ann, [next]);
});

test("a hub that takes nothing for long: stalled, then again", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url, { breaks: true });
  await ann.clock.install();
  let held = null;
  mock.trouble.onBytes = (upload, q) => {
    if (upload.bytes > 5 * MB && !held) {
      held = q;
      q.pause();
    }
  };
  const big = file("big.bin", 12 * MB);
  await choose(ann, big);
  await until("held", () => held);
  await ann.clock.runFor(8000);
  await until("stalled", async () => {
    await ann.clock.runFor(1000);
    return /stalled \d+ s/.test(await note(ann).textContent());
  });
  await ann.clock.runFor(30000);
  await arrives(mock, ann, [big]);
});

test("files can be dropped anywhere on the page", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const data = await ann.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["one"], "one.txt"));
    transfer.items.add(new File(["two"], "two.txt"));
    return transfer;
  });
  await ann.dispatchEvent("#log", "dragenter", { dataTransfer: data });
  await ann.getByText("Drop files to share them").waitFor();
  await picture(ann, "drop");
  await ann.dispatchEvent("#log", "drop", { dataTransfer: data });
  await ann.getByText("Drop files to share them").waitFor({ state: "hidden" });
  await arrives(mock, ann, [{ name: "one.txt", buffer: "one" },
    { name: "two.txt", buffer: "two" }]);
});

test("files can be pasted; text is pasted as text", async () => {
  const mock = await mockHub();
  const ann = await visit(mock.url);
  const paste = (fill) => ann.evaluate((what) => {
    const transfer = new DataTransfer();
    if (what === "file") {
      transfer.items.add(new File(["img"], "image.png"));
    } else {
      transfer.setData("text/plain", what);
    }
    const e = new ClipboardEvent("paste", { clipboardData: transfer,
      bubbles: true, cancelable: true });
    document.getElementById("text").dispatchEvent(e);
    return e.defaultPrevented;
  }, fill);
  equal(await paste("words"), false, "text taken away");
  equal(await paste("file"), true, "file taken");
  await arrives(mock, ann, [{ name: "image.png", buffer: "img" }]);
});

await runAll();
