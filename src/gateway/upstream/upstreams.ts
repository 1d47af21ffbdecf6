import { type Clock, systemClock } from "../../base/clock.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { BuiltBackend, ClusterConfig, Settled, UpstreamTarget } from "../../exchange/backend.ts";
import type { BreakerRule, BudgetRule, CircuitBreaker, RetryBudget } from "../../exchange/delivery-rules.ts";
import type { BesideBounds, BesideReply, Exchange, ForwardOptions } from "../../exchange/exchange.ts";
import { type BackendTable, createLocalBackendTable } from "../shared/backend-table.ts";
import { BlockPool } from "../wire/block-pool.ts";
import { defaultWireLimits } from "../wire/limits.ts";
import { Wheel } from "../wire/wheel.ts";
import { WireExchange } from "../wire/wire-exchange.ts";
import { createBesideCalls } from "./beside.ts";
import { createBreaker } from "./breaker.ts";
import { Cluster, type ClusterTools } from "./cluster.ts";
import { Delivery, type DeliveryTools } from "./delivery.ts";
import { type Dial, dial } from "./dial.ts";
import { createMirrors } from "./mirror.ts";
import { Pool, type PoolTools } from "./pool.ts";
import { createResolver, type Lookup, systemLookup } from "./resolver.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { type PreparedTarget, prepareTarget } from "./target.ts";
import { traceIdSource } from "./trace-ids.ts";
import type { TrySource } from "./try.ts";
import { BackendSource, TargetSource } from "./try-sources.ts";
import { UpstreamCall } from "./upstream-call.ts";

/** What the upstreams of a thread are made with. */
export interface UpstreamsOptions {
  readonly clock?: Clock;
  readonly log?: Log;
  /** Shared with the wire of the thread. */
  readonly wheel?: Wheel;
  readonly lookup?: Lookup;
  /** How connections are made; over the network where absent. */
  readonly dial?: Dial;
  /** Bytes of a reply's head. */
  readonly headBytesMax?: number;
  /** Between two reads of a reply's body that is wanted. */
  readonly replyStallMs?: number;
  /** Bytes of a request body that `bufferRequestBody` holds. */
  readonly bufferedBodyBytesMax?: number;
  /** What all threads know about backends; of this thread alone where absent. */
  readonly table?: BackendTable;
  readonly random?: () => number;
  /** Targets of this zone are preferred. */
  readonly zone?: string;
}

/** The HTTP/1.1 clients of one thread. */
export interface Upstreams {
  /** A client to a target. Equal places share one pool for as long as anybody uses it. Throws a RangeError for an illegal target. */
  to(target: UpstreamTarget): BuiltBackend;
  /** A client to several targets, or to one with rules about its failures. */
  cluster(config: ClusterConfig): BuiltBackend;
  /** Sends a call with what policies asked for: tries of several kinds, other backends, copies. */
  deliver(x: Exchange, backend: BuiltBackend, options: ForwardOptions, named: NamedBackends, settled: Settled): void;
  /** Asks a backend beside a call, without the client's body; null where no reply came. */
  askBeside(x: Exchange, backend: BuiltBackend, bounds: BesideBounds, then: (reply: BesideReply | null) => void): void;
  /** Breakers and budgets by name, over what all threads know. */
  breaker(name: string, rule: BreakerRule): CircuitBreaker;
  budget(name: string, rule: BudgetRule): RetryBudget;
  /** Pools that somebody uses. */
  readonly poolCount: number;
  readonly connectionCount: number;
  /** Ends every connection. */
  close(): void;
}

/** Finds the other backends that a call's rules name. */
export type NamedBackends = (name: string) => BuiltBackend | undefined;

interface Shared {
  readonly pool: Pool;
  uses: number;
}

const defaults = { headBytesMax: 64 * 1024, replyStallMs: 300_000, bufferedBodyBytesMax: 8 * 1024 * 1024 };

/** A backend whose tries the engine can make itself. */
class EngineBackend implements BuiltBackend {
  readonly source: TrySource;
  readonly send: BuiltBackend["send"];
  readonly dispose: () => void;

  constructor(source: TrySource, send: BuiltBackend["send"], dispose: () => void) {
    this.source = source;
    this.send = send;
    let isDisposed = false;
    this.dispose = () => {
      if (isDisposed) return;
      isDisposed = true;
      dispose();
    };
  }
}

/** Makes the clients of a thread. */
export const createUpstreams = (options: UpstreamsOptions = {}): Upstreams => {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const wheel = options.wheel ?? new Wheel(clock);
  const random = options.random ?? Math.random;
  const table = options.table ?? createLocalBackendTable(() => clock.monotonicMs());
  const pools = new Map<string, Shared>();
  const poolTools: PoolTools = {
    wheel,
    resolver: createResolver(clock, options.lookup ?? systemLookup),
    dial: options.dial ?? dial,
    log,
    traceIds: traceIdSource(),
    headLimits: { headBytesMax: options.headBytesMax ?? defaults.headBytesMax, targetBytesMax: 0, headerCountMax: 200 },
    bodyLimits: defaultWireLimits,
    replyStallMs: options.replyStallMs ?? defaults.replyStallMs,
    blocks: new BlockPool(),
  };
  const bufferedBodyBytesMax = options.bufferedBodyBytesMax ?? defaults.bufferedBodyBytesMax;
  const mirrors = createMirrors(wheel, poolTools.traceIds);
  const beside = createBesideCalls(wheel, poolTools.traceIds);
  const deliveryTools: DeliveryTools = { wheel, clock, random, bufferedBodyBytesMax, mirrors };

  const lease = (target: UpstreamTarget): { prepared: PreparedTarget; pool: Pool; release: () => void } => {
    const prepared = prepareTarget(target);
    const { key } = prepared.place;
    const shared = pools.get(key) ?? { pool: new Pool(prepared.place, poolTools), uses: 0 };
    pools.set(key, shared);
    shared.uses++;
    const release = (): void => {
      shared.uses--;
      if (shared.uses > 0) return;
      pools.delete(key);
      shared.pool.close();
    };
    return { prepared, pool: shared.pool, release };
  };

  const start = (
    x: Exchange,
    sources: readonly TrySource[],
    forward: ForwardOptions,
    mirrored: readonly TrySource[],
    settled: Settled,
  ): void => new Delivery(engineExchange(x), sources, forward, mirrored, deliveryTools, settled).begin();

  const to = (target: UpstreamTarget): BuiltBackend => {
    const { prepared, pool, release } = lease(target);
    const source = new TargetSource(prepared, pool, () => clock.nowMs());
    const send: BuiltBackend["send"] = (x, forward, settled) => {
      if (forward.bufferRequestBody === true) start(x, [source], forward, [], settled);
      else pool.send(new UpstreamCall(engineExchange(x), prepared, forward, settled));
    };
    return new EngineBackend(source, send, release);
  };

  const clusterTools: ClusterTools = {
    table,
    wheel,
    clock,
    log,
    random,
    zone: options.zone ?? "",
    poolTools,
    asking: new Set(),
    lease,
  };

  const cluster = (config: ClusterConfig): BuiltBackend => {
    const source = new Cluster(config, clusterTools);
    const send: BuiltBackend["send"] = (x, forward, settled) => start(x, [source], forward, [], settled);
    return new EngineBackend(source, send, () => source.dispose());
  };

  const sourceOf = (name: string, backend: BuiltBackend): TrySource =>
    backend instanceof EngineBackend ? backend.source : new BackendSource(name, backend, () => clock.nowMs());

  const sourcesOf = (names: readonly string[], named: NamedBackends): readonly TrySource[] =>
    names.flatMap((name) => {
      const backend = named(name);
      return backend === undefined ? [] : [sourceOf(name, backend)];
    });

  return {
    to,
    cluster,
    deliver: (x, backend, forward, named, settled) => {
      const sources = [sourceOf("", backend), ...sourcesOf(forward.failover?.backends ?? [], named)];
      const mirrored = sourcesOf(forward.mirrors?.map((rule) => rule.backend) ?? [], named);
      start(x, sources, forward, mirrored, settled);
    },
    askBeside: (x, backend, bounds, then) => beside(engineExchange(x), sourceOf("", backend), bounds, then),
    breaker: (name, rule) => createBreaker(table.take("breaker", name), rule, table, log),
    budget: (name, rule) => createRetryBudget(table.take("budget", name), rule, table),
    get poolCount() {
      return pools.size;
    },
    get connectionCount() {
      let count = 0;
      for (const { pool } of pools.values()) count += pool.connectionCount;
      return count;
    },
    close: () => {
      for (const { pool } of pools.values()) pool.destroy();
      pools.clear();
      if (options.wheel === undefined) wheel.close();
    },
  };
};

/** Only exchanges of the wire hold the bytes that the client sends on. */
const engineExchange = (x: Exchange): WireExchange => {
  if (x instanceof WireExchange) return x;
  throw new TypeError("this exchange was not made by the wire");
};
