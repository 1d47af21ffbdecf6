import assert from "node:assert/strict";
import { test } from "node:test";
import { answering, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

/*
 * W3C Trace Context, as a hop that takes part: what the backend is told for what the client says.
 */

const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const sentFor = async (lines: string, edit?: (set: (name: string, value: string) => void) => void): Promise<string> => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({
    origin,
    inbound: (x) => {
      edit?.((name, value) => x.request.headers.set(name, value));
      return undefined;
    },
  });
  await gateway.ask(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n`);
  await gateway.close();
  await origin.close();
  return origin.text;
};

const states = {
  "a list with spaces, tabs and empty members": ["tracestate: a=1 ,\tb=2,,c@v=x y\r\n", true],
  "several lines": ["tracestate: a=1\r\ntracestate: b=2\r\n", true],
  "32 members": [`tracestate: ${Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(",")}\r\n`, true],
  "33 members": [`tracestate: ${Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(",")}\r\n`, false],
  "a key twice": ["tracestate: a=1,b=2,a=3\r\n", false],
  "a key twice over two lines": ["tracestate: a=1\r\ntracestate: a=3\r\n", false],
  "a key in upper case": ["tracestate: A=1\r\n", false],
  "no value": ["tracestate: a=\r\n", false],
  "a second equals sign": ["tracestate: a=1=2\r\n", false],
  "a key too long": [`tracestate: ${"k".repeat(257)}=1\r\n`, false],
} as const;

for (const [what, [lines, isKept]] of Object.entries(states)) {
  test(`tracestate with ${what} is ${isKept ? "handed on" : "discarded, the trace goes on"}`, async () => {
    const sent = await sentFor(`traceparent: ${good}\r\n${lines}`);
    assert.ok(sent.includes(`traceparent: ${good}\r\n`));
    assert.equal(sent.includes("tracestate:"), isKept, sent);
  });
}

test("without a legal traceparent the trace begins here, not sampled, and tracestate goes", async () => {
  for (const bad of ["", good.toUpperCase(), `${good}-x`, good.replace("00-", "ff-"), `${good}, ${good}`]) {
    const sent = await sentFor(`${bad === "" ? "" : `traceparent: ${bad}\r\n`}tracestate: a=1\r\n`);
    assert.match(sent, /traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n/);
    assert.doesNotMatch(sent, /tracestate/);
  }
});

test("two traceparent lines are none", async () => {
  const sent = await sentFor(`traceparent: ${good}\r\ntraceparent: ${good}\r\n`);
  assert.ok(!sent.includes(good));
  assert.equal(sent.match(/traceparent:/g)?.length, 1);
});

test("a later version is handed on as it came, also with more behind its flags", async () => {
  const later = `${good.replace("00-", "cc-")}-what-comes-then`;
  assert.ok((await sentFor(`traceparent: ${later}\r\n`)).includes(`traceparent: ${later}\r\n`));
});

test("baggage passes", async () => {
  assert.match(await sentFor("baggage: user=alice,tenant=7;p=1\r\n"), /\r\nbaggage: user=alice,tenant=7;p=1\r\n/);
});

test("a policy that sets traceparent has the last word", async () => {
  const own = good.replace("0af7", "1af7");
  const sent = await sentFor(`traceparent: ${good}\r\n`, (set) => set("traceparent", own));
  assert.equal(sent.match(/traceparent: (\S+)/)?.[1], own);
  assert.equal(sent.match(/traceparent:/g)?.length, 1);
});

test("the exchange knows its trace: the client's, or the one that was made for the backend", async () => {
  const origin = await startOrigin(answering(okReply()));
  const seen: string[] = [];
  const gateway = await startTestWire({
    origin,
    outbound: (x) => {
      seen.push(x.traceId);
      return undefined;
    },
  });
  await gateway.ask(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\ntraceparent: ${good}\r\n\r\n`);
  await gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.equal(seen[0], good.slice(3, 35));
  assert.equal(seen[1], /traceparent: 00-([0-9a-f]{32})-[0-9a-f]{16}-00/.exec(origin.text)?.[1]);
  await gateway.close();
  await origin.close();
});

test("the explain token stays here: no backend sees it", async () => {
  assert.doesNotMatch(await sentFor("Portico-Explain: abc\r\n"), /portico-explain/i);
});
