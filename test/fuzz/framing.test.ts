import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventually, type OriginConnection, startOrigin, startTestWire } from "../wire/testing-wire.ts";
import {
  converse,
  hasNginx,
  type Peer,
  peerSilenceMsMax,
  type SeenRequest,
  startNginxPeer,
  startNodePeer,
} from "./framing-peers.ts";
import { type KnownDifference, knownDifferences } from "./known-differences.ts";
import { idOf, rawConversation } from "./raw-requests.ts";
import { type ReadRequest, readStrictly } from "./strict-reader.ts";

const seconds = Number(process.env.FUZZ_SECONDS ?? 8);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);

/** What the gateway has sent to its backend: whole requests, and the begin of one on each connection that broke off. */
interface Arrived {
  readonly whole: SeenRequest[];
  readonly raw: string[];
  readonly faults: string[];
}

const shown = (text: string): string => JSON.stringify(text);

/** Two readings of one request. */
const isSame = (one: SeenRequest, other: SeenRequest): boolean =>
  idOf(one.target) === idOf(other.target) && one.method === other.method && one.body === other.body;

/** Nothing arrives that the client has not sent, in its order, with its body; what breaks off is never taken for whole. */
const assertSent = (sent: readonly ReadRequest[], arrived: readonly SeenRequest[], text: string): void => {
  let next = 0;
  for (const request of arrived) {
    const isOrigin = (each: ReadRequest): boolean =>
      request.isWhole
        ? each.isWhole && isSame(each, request)
        : each.body.startsWith(request.body) && isSame({ ...each, body: request.body }, request);
    while (next < sent.length && !sent.slice(next, next + 1).some(isOrigin)) next++;
    const what = `${request.isWhole ? "whole" : "begun"} ${request.method} ${request.target} ${shown(request.body)}`;
    assert.ok(next < sent.length, `${what} was not sent in ${shown(text)}`);
    next++;
  }
};

const isKnown = (peer: KnownDifference["peer"], request: ReadRequest, text: string): boolean =>
  knownDifferences.some((known) => known.peer === peer && known.shows(request, text));

/** What the gateway has passed on must be the same to the peer, or stand on the list. */
const assertAgreed = (
  peer: KnownDifference["peer"],
  passed: readonly SeenRequest[],
  read: readonly SeenRequest[],
  sent: readonly ReadRequest[],
  text: string,
): void => {
  let next = 0;
  let last = -1;
  for (const request of passed) {
    last = sent.findIndex((each, at) => at > last && isSame(each, request));
    const found = read.findIndex((each, at) => at >= next && isSame(each, request));
    if (found >= 0) {
      next = found + 1;
      continue;
    }
    const upToIt = sent.slice(0, last + 1);
    if (upToIt.some((each, at) => isKnown(peer, each, text.slice(sent[at - 1]?.end ?? 0, each.end)))) return;
    assert.fail(`${peer} does not read ${request.method} ${request.target} in ${shown(text)}`);
  }
};

const taken = (peer: Peer): readonly SeenRequest[] => peer.seen.splice(0);

const fuzz = async (nginx: Peer | null, timeLimitMs: number): Promise<{ runs: number; passed: number }> => {
  const arrived: Arrived = { whole: [], raw: [], faults: [] };
  const unread = new Map<OriginConnection, string>();
  const origin = await startOrigin((connection, bytes) => {
    const text = (unread.get(connection) ?? "") + bytes;
    const reading = readStrictly(text);
    if (reading.ending === "illegal") arrived.faults.push(`${reading.why}: ${shown(text)}`);
    let from = 0;
    for (const request of reading.requests) {
      if (!request.isWhole) continue;
      arrived.whole.push(request);
      arrived.raw.push(text.slice(from, request.end));
      from = request.end;
      connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    unread.set(connection, text.slice(from));
    connection.text = "";
  });
  const gateway = await startTestWire({
    origin,
    limits: { headTimeoutMs: 2_000, bodyStallMs: 2_000, halfClosedMs: 1_000, lingerMs: 20 },
  });
  const node = await startNodePeer();
  let runs = 0;
  let passed = 0;
  try {
    await fc.assert(
      fc.asyncProperty(rawConversation, async ({ text: make, cuts }) => {
        const text = make((runs++).toString(36));
        const sent = readStrictly(text).requests;
        const [reply] = await Promise.all([
          converse({ port: gateway.port, host: "127.0.0.1" }, text, cuts),
          converse(node, text, cuts, peerSilenceMsMax),
          nginx === null ? "" : converse(nginx, text, cuts, peerSilenceMsMax),
        ]);
        if (reply === null) assert.fail(`the gateway does not end ${shown(text)}`);
        await eventually(() => gateway.wire.connectionCount === 0, "the client's connection has ended");
        const whole = arrived.whole.splice(0);
        const raw = arrived.raw.splice(0);
        passed += whole.length;
        assert.deepEqual(arrived.faults.splice(0), [], `what the backend got, of ${shown(text)}`);
        assertSent(sent, whole, text);
        // A request that broke off takes its connection with it: nothing may come behind it.
        const open = [...unread].filter(([, begun]) => begun !== "");
        await eventually(
          () => open.every(([connection]) => connection.isClosed),
          "a request broke off and its connection",
        );
        for (const [connection, begun] of open) {
          unread.delete(connection);
          assertSent(sent, readStrictly(begun).requests, text);
        }
        const finals = reply.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0;
        assert.ok(finals <= sent.length + 1, `${finals} replies to ${shown(text)}`);
        assertAgreed("llhttp", whole, taken(node), sent, text);
        if (nginx !== null) assertAgreed("nginx", whole, taken(nginx), sent, text);
        // And a backend that is Node reads in the gateway's bytes what we have read in them.
        await converse(node, raw.join(""), [], peerSilenceMsMax);
        assertAgreed("llhttp", whole, taken(node), readStrictly(raw.join("")).requests, raw.join(""));
      }),
      { seed, numRuns: 10_000_000, interruptAfterTimeLimit: timeLimitMs, markInterruptAsFailure: false },
    );
  } finally {
    await gateway.close();
    await origin.close();
    await node.close();
  }
  return { runs, passed };
};

test("framing: a backend sees the requests and bodies that the client sent, and llhttp agrees with all that passes", async (t) => {
  const { runs, passed } = await fuzz(null, seconds * 500);
  t.diagnostic(`seed ${seed}: ${runs} conversations, ${passed} requests passed`);
  assert.ok(passed > runs / 10, "enough of them are legal");
});

const skip = hasNginx ? false : "nginx (Debian package nginx-light) is not installed";
test("framing: nginx agrees with all that passes", { skip }, async (t) => {
  const nginx = await startNginxPeer();
  try {
    const { runs, passed } = await fuzz(nginx, seconds * 500);
    t.diagnostic(`seed ${seed}: ${runs} conversations, ${passed} requests passed`);
  } finally {
    await nginx.close();
  }
});
