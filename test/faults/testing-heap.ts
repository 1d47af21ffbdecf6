import { connect } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { createRun } from "../../src/gateway/run/run.ts";
import { createUrlBackends } from "../../src/gateway/run/url-backends.ts";
import { createSharedState } from "../../src/gateway/shared-state.ts";
import { createSwap } from "../../src/gateway/swap.ts";
import { testBackends, testCompileTools, testPolicies, testUnit } from "../../src/gateway/testing-unit.ts";
import { createUpstreams } from "../../src/gateway/upstream/upstreams.ts";
import { createWire } from "../../src/gateway/wire/wire.ts";

// Run with --expose-gc, the number of changes and of calls: serves calls over a socket while the table changes under them, and tells what
// is left in the heap along the way.
const changes = Number(process.argv[2]);
const calls = Number(process.argv[3]);
const rounds = 10;
const statusLine = "HTTP/1.1 200 OK\r\n";

const life = { built: 0, disposed: 0 };
const tools = testCompileTools();
const lists = { ...tools.lists, policies: testPolicies(life), backends: testBackends(life) };
const shared = createSharedState();
const swap = createSwap({ ...tools, clock: systemClock, shared, lists });
const upstreams = createUpstreams({});
const run = createRun({
  table: swap.table,
  deliver: upstreams.deliver,
  askBeside: upstreams.askBeside,
  urlBackends: createUrlBackends({ kinds: lists.backends, upstream: tools.upstream }),
  log: silentLog,
});
const wire = createWire({ dispatch: run.dispatch, finished: run.finished });

const change = (n: number) =>
  swap.apply({
    revision: n + 1,
    hash: String(n),
    removed: [],
    units: [
      testUnit({
        policies: {
          products: {},
          operations: {},
          api: { document: { inbound: [{ note: `=request.path + '${n}'` }, { wait: "w" }] }, file: "f" },
        },
      }),
    ],
  });
await change(0);
const { port } = await wire.listen({ port: 0 });

/** Pipelined, so that a million calls take no hour; answers when all replies are there. */
const callMany = (count: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const batch = "GET /orders/items HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50);
    let sent = 0;
    let seen = 0;
    const send = (): void => {
      while (sent < count && sent - seen < 200) {
        socket.write(batch);
        sent += 50;
      }
    };
    let rest = "";
    socket.on("data", (bytes) => {
      const parts = (rest + bytes.toString("latin1")).split(statusLine);
      seen += parts.length - 1;
      // The status line of the next reply may be cut: it is counted with what follows.
      rest = (parts.at(-1) ?? "").slice(1 - statusLine.length);
      if (seen >= count) socket.end();
      else send();
    });
    socket.on("close", () => (seen >= count ? resolve() : reject(new Error(`${seen} of ${count} replies`))));
    socket.on("error", reject);
    send();
  });

const heaps: number[] = [];
let changed = 0;
for (let round = 0; round < rounds; round++) {
  const calling = callMany(calls / rounds);
  for (let n = 0; n < changes / rounds; n++) {
    await change(++changed);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await calling;
  await new Promise((resolve) => setTimeout(resolve, 20));
  globalThis.gc?.();
  globalThis.gc?.();
  heaps.push(process.memoryUsage().heapUsed);
}
console.log(JSON.stringify({ heaps, ...life, shared: shared.size, changed }));
await wire.close();
process.exit(0);
