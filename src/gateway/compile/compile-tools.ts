import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { BackendKind, BuiltBackend, ClusterConfig, UpstreamTarget } from "../../exchange/backend.ts";
import type { Counters } from "../../exchange/counters.ts";
import type { MetricSink } from "../../exchange/metric-sink.ts";
import type {
  FetchedReply,
  FetchOptions,
  KeyFacts,
  MessageName,
  Policy,
  PolicyTools,
  Value,
  ValueTypes,
} from "../../exchange/policy.ts";
import type { SharedStore } from "../../exchange/shared-store.ts";
import type { SharedState } from "../shared-state.ts";

/** What units may use. The engine knows no policy and no backend of its own. */
export interface Lists {
  readonly policies: readonly Policy[];
  readonly backends: readonly BackendKind[];
  /** Compiles a literal or an expression. */
  readonly compileValue: CompileValue;
}

/** Makes a value of a literal or an expression; mistakes are reported, and the value then throws when it is asked. */
export type CompileValue = <K extends keyof ValueTypes>(
  source: unknown,
  type: K,
  tools: { readonly clock?: Clock; mistake(message: string): void; reads?(message: MessageName): void },
) => Value<ValueTypes[K]>;

/** What compiled policies and backends reach of their thread. */
export interface CompileTools {
  readonly lists: Lists;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly store: SharedStore;
  readonly shared: SharedState;
  readonly metrics: MetricSink;
  findKey(key: string, nowMs: number): KeyFacts | undefined;
  fetch(url: string, options: FetchOptions): Promise<FetchedReply>;
  upstream(target: UpstreamTarget): BuiltBackend;
  cluster(config: ClusterConfig): BuiltBackend;
  breaker: PolicyTools["breaker"];
  budget: PolicyTools["budget"];
}
