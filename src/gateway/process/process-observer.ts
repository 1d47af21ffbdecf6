import type { Explanation } from "../../model/explanation.ts";
import type { UsageRow } from "../../model/snapshot.ts";

/** What the process knows about itself, for the metrics. */
export interface ProcessFacts {
  readonly revision: number;
  readonly threads: number;
  readonly threadRestarts: number;
  readonly unitErrors: number;
  readonly isReady: boolean;
  readonly keys: number;
  readonly subscriptions: number;
  readonly accessTableBytes: number;
  readonly usageRowsLost: number;
  readonly tls: {
    /** Counters of all threads together, in the order of `tlsCounters`. */
    readonly handshakes: readonly number[];
    readonly problems: number;
    readonly certificates: readonly { readonly name: string; readonly notAfterMs: number }[];
  };
}

/** The main thread's side of telemetry. */
export interface ProcessObserver {
  newRegions(): { readonly metrics: SharedArrayBuffer; readonly usage: SharedArrayBuffer };
  /** A thread has ended: its counters must not get lost. */
  threadEnded(metrics: SharedArrayBuffer): void;
  takeUsage(usage: SharedArrayBuffer, isDead: boolean): readonly UsageRow[];
  mergeUsage(rows: readonly UsageRow[]): readonly UsageRow[];
  /** A call was recorded; for traces. */
  explained(explanation: Explanation): void;
  /** What policies counted in a thread. */
  customMetrics(rows: readonly unknown[]): void;
  /** The gateway is about to run: from now on `look` answers. */
  started(
    look: () => {
      readonly threads: readonly { readonly thread: string; readonly metrics: SharedArrayBuffer }[];
      readonly facts: ProcessFacts;
    },
  ): void;
  metricsText(): string;
  /** Everything has ended: what waits to be exported has a moment. */
  close(): Promise<void>;
}
