import type { Settled } from "../../exchange/backend.ts";
import type { ForwardOptions } from "../../exchange/exchange.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { BackendSide } from "../wire/sides.ts";
import type { Timed } from "../wire/wheel.ts";
import type { CallSubject, Sending } from "./call-subject.ts";
import type { PreparedTarget } from "./target.ts";

/** Is told once that nothing of a call runs any more: its reply is through, or it has failed. */
export interface CallEnd {
  over(): void;
}

/** Redirects that are followed for one call. */
const redirectsMax = 5;

/** One request to a backend, from `send` to `settled`; waits in the pool's queue where there is no connection yet. */
export class UpstreamCall implements BackendSide, Timed {
  readonly x: CallSubject;
  readonly target: PreparedTarget;
  readonly options: ForwardOptions;
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  /** Target of a redirect that is followed, instead of the exchange's own. */
  path: string | null = null;
  redirectsLeft = redirectsMax;
  /** The protocol that the backend is asked to change to; empty almost always. */
  upgrade = "";
  /** It has been sent a second time because its first connection had died. */
  isRetried = false;
  /** Its connection ended before a reply. */
  isReset = false;
  isAbandoned = false;
  /** Head and body where they are not the exchange's own. */
  prepared: Sending | null = null;
  /** It leaves its connection to go on with another: a redirect, a second sending. */
  isContinuing = false;
  whenOver: CallEnd | null = null;
  #settled: Settled | null;
  /** Told when it leaves the queue before its turn. */
  whenAbandoned: ((call: UpstreamCall) => void) | null = null;
  whenExpired: ((call: UpstreamCall) => void) | null = null;

  constructor(x: CallSubject, target: PreparedTarget, options: ForwardOptions, settled: Settled) {
    this.x = x;
    this.target = target;
    this.options = options;
    this.#settled = settled;
  }

  get isSettled(): boolean {
    return this.#settled === null;
  }

  get timeoutMs(): number {
    return this.options.tryTimeoutMs ?? this.options.timeoutMs ?? this.target.timeoutMs;
  }

  /** Its connection is free again, or it never had one. */
  over(): void {
    const end = this.whenOver;
    if (end === null || this.isContinuing) return;
    this.whenOver = null;
    end.over();
  }

  /** Tells once how it went. */
  settle(refusal: Reply | undefined): void {
    const settled = this.#settled;
    if (settled === null) return;
    this.#settled = null;
    if (refusal !== undefined) this.x.record?.upstream(this, "failed", refusal.problem?.code ?? "");
    if (refusal !== undefined) {
      if (this.x.backendSide !== null) this.x.backendSide = null;
      this.isContinuing = false;
      this.over();
    }
    settled(refusal);
  }

  abandon(): void {
    this.isAbandoned = true;
    this.whenAbandoned?.(this);
    this.settle(abandoned());
  }

  expire(): void {
    this.whenExpired?.(this);
  }
}

/** What a run is told about a call that nobody waits for any more. */
export const abandoned = (): Reply => refuse("backend.unreachable", { detail: "The call was given up." });
