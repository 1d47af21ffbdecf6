import { type Clock, systemClock } from "../../base/clock.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { BuiltBackend, UpstreamTarget } from "../../exchange/backend.ts";
import type { Exchange } from "../../exchange/exchange.ts";
import { refuse } from "../../exchange/refuse.ts";
import { BlockPool } from "../wire/block-pool.ts";
import { defaultWireLimits } from "../wire/limits.ts";
import { Wheel } from "../wire/wheel.ts";
import { WireExchange } from "../wire/wire-exchange.ts";
import { Pool, type PoolTools } from "./pool.ts";
import { createResolver, type Lookup, systemLookup } from "./resolver.ts";
import { prepareTarget } from "./target.ts";
import { traceIdSource } from "./trace-ids.ts";
import { UpstreamCall } from "./upstream-call.ts";

/** What the upstreams of a thread are made with. */
export interface UpstreamsOptions {
  readonly clock?: Clock;
  readonly log?: Log;
  /** Shared with the wire of the thread. */
  readonly wheel?: Wheel;
  readonly lookup?: Lookup;
  /** Bytes of a reply's head. */
  readonly headBytesMax?: number;
  /** Between two reads of a reply's body that is wanted. */
  readonly replyStallMs?: number;
  /** Bytes of a request body that `bufferRequestBody` holds. */
  readonly bufferedBodyBytesMax?: number;
}

/** The HTTP/1.1 clients of one thread. */
export interface Upstreams {
  /** A client to a target. Equal places share one pool for as long as anybody uses it. Throws a RangeError for an illegal target. */
  to(target: UpstreamTarget): BuiltBackend;
  /** Pools that somebody uses. */
  readonly poolCount: number;
  readonly connectionCount: number;
  /** Ends every connection. */
  close(): void;
}

interface Shared {
  readonly pool: Pool;
  uses: number;
}

const defaults = { headBytesMax: 64 * 1024, replyStallMs: 300_000, bufferedBodyBytesMax: 8 * 1024 * 1024 };

/** Makes the clients of a thread. */
export const createUpstreams = (options: UpstreamsOptions = {}): Upstreams => {
  const clock = options.clock ?? systemClock;
  const wheel = options.wheel ?? new Wheel(clock);
  const pools = new Map<string, Shared>();
  const tools: PoolTools = {
    wheel,
    resolver: createResolver(clock, options.lookup ?? systemLookup),
    log: options.log ?? silentLog,
    traceIds: traceIdSource(),
    headLimits: { headBytesMax: options.headBytesMax ?? defaults.headBytesMax, targetBytesMax: 0, headerCountMax: 200 },
    bodyLimits: defaultWireLimits,
    replyStallMs: options.replyStallMs ?? defaults.replyStallMs,
    blocks: new BlockPool(),
  };
  const bufferedMax = options.bufferedBodyBytesMax ?? defaults.bufferedBodyBytesMax;

  const to = (target: UpstreamTarget): BuiltBackend => {
    const prepared = prepareTarget(target);
    const { key } = prepared.place;
    const shared = pools.get(key) ?? { pool: new Pool(prepared.place, tools), uses: 0 };
    pools.set(key, shared);
    shared.uses++;
    let isDisposed = false;
    return {
      send: (x, forward, settled) => {
        const call = new UpstreamCall(engineExchange(x), prepared, forward, settled);
        const { body } = call.x.request;
        if (forward.bufferRequestBody === true && body.isUntouched && !body.isEmpty) {
          buffer(call, shared.pool, bufferedMax);
        } else shared.pool.send(call);
      },
      dispose: () => {
        if (isDisposed) return;
        isDisposed = true;
        shared.uses--;
        if (shared.uses > 0) return;
        pools.delete(key);
        shared.pool.close();
      },
    };
  };

  return {
    to,
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

/** The whole request body first, then the call: its length is known and it can be sent again. */
const buffer = (call: UpstreamCall, pool: Pool, bytesMax: number): void => {
  call.x.request.body.read(bytesMax).then(
    () => pool.send(call),
    (thrown: unknown) => call.settle(refusalOfBody(thrown)),
  );
};

const refusalOfBody = (thrown: unknown): ReturnType<typeof refuse> => {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
  if (code === "request.body_too_large" || code === "request.timeout") return refuse(code);
  return refuse("request.body_invalid");
};
