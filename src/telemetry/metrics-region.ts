import type { StreamEnding } from "../exchange/exchange.ts";
import { gatewayProblems } from "../exchange/problems.ts";

/** Why long exchanges end; the order is the region's. */
export const streamEndings = [
  "client",
  "backend",
  "client-aborted",
  "backend-aborted",
  "idle",
  "lifetime",
  "frame-too-large",
  "message-too-large",
  "protocol",
  "stalled",
  "drained",
] as const satisfies readonly StreamEnding[];

/*
 * The metrics of one thread in shared memory. Only its thread writes; the main thread reads and sums, so nothing is contended.
 *
 * Gauges and counters of the thread: `gaugesMax` doubles. Refusals by code: one double per row of the problems table and one for the
 * rest. Then rows of `rowCells` doubles, one per API: calls by method and status class, a histogram of durations, its sum, bytes.
 * Row 0 is "other" for the APIs beyond the bound, row 1 is for calls without a route. The rows' names stand behind them.
 */
const gauges = [
  "inFlight",
  "connections",
  "eventLoopLagMs",
  "heapUsedBytes",
  "revision",
  "aborted",
  "usageLost",
  "logLinesLost",
  "upstreamConnections",
  "upgraded",
  "eventStreams",
  "upgradeSeconds",
  "upgradeBytesIn",
  "upgradeBytesOut",
  "eventSeconds",
  ...streamEndings.flatMap((ending) => [`upgrade:${ending}`, `events:${ending}`] as const),
] as const;
export type Gauge = (typeof gauges)[number];

export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
/** Upper bounds of the duration buckets in seconds; one more for everything above. */
export const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;
export const refusalCodes: readonly string[] = Object.keys(gatewayProblems);

/** APIs with a row of their own; more are counted as "other". */
export const apiRowsMax = 512;
export const classCount = 6;
const nameBytes = 96;

const methodCells: number = methods.length * classCount;
export const bucketAt: number = methodCells;
export const durationSumAt: number = bucketAt + bucketSeconds.length + 1;
export const requestBytesAt: number = durationSumAt + 1;
export const responseBytesAt: number = requestBytesAt + 1;
const rowCells: number = responseBytesAt + 1;

const refusalsAt = gauges.length;
const rowsAt = refusalsAt + refusalCodes.length + 1;
const cellCount = rowsAt + apiRowsMax * rowCells;

export const otherRow = 0;
export const unroutedRow = 1;

/** Memory for the metrics of one thread. */
export const newMetricsRegion = (): SharedArrayBuffer =>
  new SharedArrayBuffer(8 + cellCount * 8 + apiRowsMax * nameBytes);

/** Views of a region. */
export interface MetricsView {
  readonly cells: Float64Array;
  /** Word 0: rows that have a name. */
  readonly header: Int32Array;
  gaugeAt(gauge: Gauge): number;
  refusalAt(code: string): number;
  rowAt(row: number): number;
  nameOf(row: number): string;
  setName(row: number, name: string): void;
}

/** The region as its parts; the offsets are indexes into `cells`. */
export const viewMetrics = (region: SharedArrayBuffer): MetricsView => {
  const header = new Int32Array(region, 0, 2);
  const cells = new Float64Array(region, 8, cellCount);
  const names = new Uint8Array(region, 8 + cellCount * 8);
  const codes = new Map(refusalCodes.map((code, index) => [code, refusalsAt + index]));
  const gaugeIndex = new Map<string, number>(gauges.map((gauge, index) => [gauge, index]));
  return {
    cells,
    header,
    gaugeAt: (gauge) => gaugeIndex.get(gauge) ?? 0,
    refusalAt: (code) => codes.get(code) ?? refusalsAt + refusalCodes.length,
    rowAt: (row) => rowsAt + row * rowCells,
    nameOf: (row) => {
      const bytes = Buffer.from(names.slice(row * nameBytes, (row + 1) * nameBytes));
      const end = bytes.indexOf(0);
      return bytes.toString("utf8", 0, end < 0 ? nameBytes : end);
    },
    setName: (row, name) => {
      names.set(Buffer.from(name).subarray(0, nameBytes), row * nameBytes);
    },
  };
};
