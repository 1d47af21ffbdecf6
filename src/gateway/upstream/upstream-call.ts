import type { Settled } from "../../exchange/backend.ts";
import type { ForwardOptions } from "../../exchange/exchange.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { BackendSide } from "../wire/sides.ts";
import type { Timed } from "../wire/wheel.ts";
import type { WireExchange } from "../wire/wire-exchange.ts";
import type { PreparedTarget } from "./target.ts";

/** Redirects that are followed for one call. */
const redirectsMax = 5;

/** One request to a backend, from `send` to `settled`; waits in the pool's queue where there is no connection yet. */
export class UpstreamCall implements BackendSide, Timed {
  readonly x: WireExchange;
  readonly target: PreparedTarget;
  readonly options: ForwardOptions;
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  /** Target of a redirect that is followed, instead of the exchange's own. */
  path: string | null = null;
  redirectsLeft = redirectsMax;
  /** It has been sent a second time because its first connection had died. */
  isRetried = false;
  #settled: Settled | null;
  /** Told when it leaves the queue before its turn. */
  whenAbandoned: ((call: UpstreamCall) => void) | null = null;
  whenExpired: ((call: UpstreamCall) => void) | null = null;

  constructor(x: WireExchange, target: PreparedTarget, options: ForwardOptions, settled: Settled) {
    this.x = x;
    this.target = target;
    this.options = options;
    this.#settled = settled;
  }

  get isSettled(): boolean {
    return this.#settled === null;
  }

  get timeoutMs(): number {
    return this.options.timeoutMs ?? this.target.timeoutMs;
  }

  /** Tells once how it went. */
  settle(refusal: Reply | undefined): void {
    const settled = this.#settled;
    if (settled === null) return;
    this.#settled = null;
    if (refusal !== undefined) this.x.record?.upstream("failed", refusal.problem?.code ?? "");
    if (refusal !== undefined && this.x.backendSide !== null) this.x.backendSide = null;
    settled(refusal);
  }

  abandon(): void {
    this.whenAbandoned?.(this);
    this.settle(abandoned());
  }

  expire(): void {
    this.whenExpired?.(this);
  }
}

/** What a run is told about a call that nobody waits for any more. */
export const abandoned = (): Reply => refuse("backend.unreachable", { detail: "The call was given up." });
