import type { ExchangeOutcome, StreamFacts } from "../exchange/exchange.ts";
import {
  apiRowsMax,
  bucketAt,
  bucketSeconds,
  classCount,
  durationSumAt,
  type Gauge,
  methods,
  otherRow,
  requestBytesAt,
  responseBytesAt,
  unroutedRow,
  viewMetrics,
} from "./metrics-region.ts";

/** The writer of one thread's metrics. Every call is a handful of additions in shared memory. */
export interface ThreadMetrics {
  /** Where an API is counted; asked once per API and kept by the caller. */
  rowOf(api: string): number;
  count(row: number, method: string, outcome: ExchangeOutcome): void;
  /** An upgraded connection or a stream of events has ended. */
  countStream(stream: StreamFacts, outcome: ExchangeOutcome): void;
  refused(code: string): void;
  set(gauge: Gauge, value: number): void;
  add(gauge: Gauge, value: number): void;
}

/** A writer on the region that the main thread made for this thread. */
export const createThreadMetrics = (region: SharedArrayBuffer): ThreadMetrics => {
  const view = viewMetrics(region);
  const { cells, header } = view;
  const rows = new Map<string, number>([["", view.rowAt(unroutedRow)]]);
  view.setName(otherRow, "other");
  Atomics.store(header, 0, 2);
  const bucketsMs = bucketSeconds.map((seconds) => seconds * 1000);
  const bump = (at: number, by: number): void => {
    cells[at] = (cells[at] ?? 0) + by;
  };
  return {
    rowOf: (api) => {
      const known = rows.get(api);
      if (known !== undefined) return known;
      const row = Atomics.load(header, 0);
      if (row >= apiRowsMax) return view.rowAt(otherRow);
      view.setName(row, api);
      const at = view.rowAt(row);
      rows.set(api, at);
      Atomics.store(header, 0, row + 1);
      return at;
    },
    count: (row, method, outcome) => {
      const statusClass = Math.trunc(outcome.status / 100);
      const isClass = statusClass > 0 && statusClass < classCount;
      bump(row + methodIndex(method) * classCount + (isClass ? statusClass : 0), 1);
      // The life of a long connection says nothing about how fast calls are answered.
      if (outcome.stream === undefined || outcome.stream === null) {
        let bucket = 0;
        while (bucket < bucketsMs.length && outcome.durationMs > (bucketsMs[bucket] ?? 0)) bucket += 1;
        bump(row + bucketAt + bucket, 1);
        bump(row + durationSumAt, outcome.durationMs / 1000);
      }
      bump(row + requestBytesAt, outcome.requestBytes);
      bump(row + responseBytesAt, outcome.responseBytes);
    },
    countStream: ({ kind, ending }, outcome) => {
      bump(view.gaugeAt(`${kind}:${ending}`), 1);
      if (kind === "events") {
        bump(view.gaugeAt("eventSeconds"), outcome.durationMs / 1000);
        return;
      }
      bump(view.gaugeAt("upgradeSeconds"), outcome.durationMs / 1000);
      bump(view.gaugeAt("upgradeBytesIn"), outcome.requestBytes);
      bump(view.gaugeAt("upgradeBytesOut"), outcome.responseBytes);
    },
    refused: (code) => bump(view.refusalAt(code), 1),
    set: (gauge, value) => {
      cells[view.gaugeAt(gauge)] = value;
    },
    add: (gauge, value) => bump(view.gaugeAt(gauge), value),
  };
};

const methodIndex = (method: string): number => {
  const index = methods.indexOf(method as (typeof methods)[number]);
  return index < 0 ? methods.length - 1 : index;
};
