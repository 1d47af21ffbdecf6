import { createSharedState } from "./shared-state.ts";
import { createSwap } from "./swap.ts";
import { testBackends, testCompileTools, testPolicies, testUnit } from "./testing-unit.ts";

// Run with --expose-gc: swaps a table ten thousand times and tells what is left in the heap along the way.
const life = { built: 0, disposed: 0 };
const shared = createSharedState();
const tools = testCompileTools();
const swap = createSwap({
  ...tools,
  shared,
  lists: { ...tools.lists, policies: testPolicies(life), backends: testBackends(life) },
});
const unitOf = (n: number) =>
  testUnit({
    policies: {
      products: {},
      operations: {},
      api: {
        document: { inbound: [{ note: `=request.path + '${n}'` }, { block: { steps: [{ note: "b" }] } }] },
        file: "f",
      },
    },
  });

const heaps: number[] = [];
for (let n = 0; n <= 10_000; n++) {
  await swap.apply({ revision: n + 1, hash: String(n), units: [unitOf(n)], removed: [] });
  // A call that began on this table and ends later than the next swap.
  const api = swap.table()?.index.find({
    host: "h",
    path: "/orders/items",
    headers: { get: () => undefined } as never,
    queryParameter: () => undefined,
  });
  api?.begin();
  setImmediate(() => api?.end());
  if (n % 2000 === 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    globalThis.gc?.();
    heaps.push(process.memoryUsage().heapUsed);
  }
}
console.log(JSON.stringify({ heaps, ...life, shared: shared.size, revision: swap.table()?.revision }));
