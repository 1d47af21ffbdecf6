import type { LogLevel } from "../../base/log.ts";
import type { UnitError } from "../../model/snapshot.ts";
import type { TlsState } from "../../model/tls.ts";
import type { RecordingSettings } from "../record/recording.ts";
import type { OverloadLimits } from "../run/overload.ts";
import type { AccessBuffers } from "../shared/access-table.ts";
import type { WireLimits } from "../wire/limits.ts";

/** A unit as it travels between threads and lies on disk: its JSON, with what must be known without parsing it. */
export interface UnitText {
  readonly api: string;
  readonly hash: string;
  readonly text: string;
}

/** What changes with one commit, as text. */
export interface UnitTextChange {
  readonly revision: number;
  readonly hash: string;
  readonly units: readonly UnitText[];
  readonly removed: readonly string[];
}

/** What a thread of the gateway begins with. */
export interface ThreadStart {
  /** From 0; also its number among the counters. */
  readonly thread: number;
  readonly host: string;
  readonly logLevel: LogLevel;
  readonly limits: Partial<WireLimits>;
  readonly overload: Partial<OverloadLimits>;
  readonly trustedProxies: readonly string[];
  /** One word per thread, counted up by it. */
  readonly beats: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly store: SharedArrayBuffer;
  /** What all threads know about backends. */
  readonly backends: SharedArrayBuffer;
  /** Targets of this zone are preferred; empty: none. */
  readonly zone: string;
  readonly access: AccessBuffers;
  readonly metrics: SharedArrayBuffer;
  readonly usage: SharedArrayBuffer;
  /** A path, `stdout`, or null for none. */
  readonly accessLog: string | null;
  readonly recording: RecordingSettings;
  /** Counters of handshakes: a row of `tlsCounters` for each thread. */
  readonly handshakes: SharedArrayBuffer;
}

/** From the main thread to a thread, in order: what comes later waits for what came before. */
export type ToThread =
  /** The first message. A thread that has not had it yet is a spare: loaded, and waiting. */
  | { readonly type: "start"; readonly start: ThreadStart }
  | { readonly type: "apply"; readonly sequence: number; readonly change: UnitTextChange }
  | { readonly type: "access"; readonly sequence: number; readonly buffers: AccessBuffers }
  | { readonly type: "listen"; readonly port: number }
  /** Certificates for the next handshakes, and the secret that all threads make session tickets with. */
  | { readonly type: "tls"; readonly state: TlsState; readonly ticketSecret: Uint8Array }
  | { readonly type: "listen-tls"; readonly port: number }
  /** Answers of ACME challenges by token. */
  | { readonly type: "challenges"; readonly answers: Readonly<Record<string, string>> }
  | { readonly type: "reopen-log" }
  | { readonly type: "explain-key"; readonly key: string }
  | { readonly type: "drain"; readonly deadlineMs: number };

/** From a thread to the main thread. */
export type FromThread =
  | {
      readonly type: "applied";
      readonly sequence: number;
      readonly errors: readonly UnitError[];
      readonly revision: number;
    }
  | { readonly type: "access-used"; readonly sequence: number }
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "listening-tls"; readonly port: number }
  | { readonly type: "listen-tls-failed"; readonly code: string; readonly message: string }
  | { readonly type: "listen-failed"; readonly code: string; readonly message: string }
  /** Access records, JSON lines. */
  | { readonly type: "recent"; readonly lines: string }
  /** Explanations, JSON lines. */
  | { readonly type: "explained"; readonly lines: string }
  /** What policies counted; its shape is telemetry's. */
  | { readonly type: "metrics"; readonly rows: readonly unknown[] }
  | { readonly type: "drained" };

/** How often a thread beats, and the main thread looks. */
export const beatIntervalMs = 100;
