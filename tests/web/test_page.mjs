// The page alone, against the mock.

import { Mock } from "./mock.mjs";
import { atEnd, connected, equal, ok, picture, reads, runAll, say, test, until,
  visit } from "./kit.mjs";

export async function hub(change) {
  const mock = new Mock();
  Object.assign(mock, change);
  await mock.start();
  atEnd(() => mock.stop());
  return mock;
}

test("two browsers read each other in one order", async () => {
  const mock = await hub();
  const ann = await visit(mock.url);
  const bo = await visit(mock.url, { name: "Bo" });
  await say(ann, "hello");
  await reads(bo, ["Ann: hello"]);
  await say(bo, "hi Ann");
  const all = ["Ann: hello", "Bo: hi Ann"];
  await reads(ann, all);
  await reads(bo, all);
});

await runAll();
