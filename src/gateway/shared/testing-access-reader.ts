import { parentPort, workerData } from "node:worker_threads";
import { createAccessReader } from "./access-table.ts";

// Reads one key as fast as it can while another thread changes it, and counts what does not fit together.
const reader = createAccessReader(workerData);
const endsAt = performance.now() + 1000;
let reads = 0;
let torn = 0;
let changes = 0;
let last = "";
while (performance.now() < endsAt) {
  for (let i = 0; i < 100; i++) {
    const facts = reader.find("k1", 1);
    reads += 1;
    if (facts === undefined || facts.product !== facts.plan || facts.product !== facts.application) torn += 1;
    if (facts !== undefined && facts.product !== last) {
      last = facts.product;
      changes += 1;
    }
  }
}
parentPort?.postMessage({ reads, torn, changes });
