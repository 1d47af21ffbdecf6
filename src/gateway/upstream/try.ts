import type { CircuitBreaker, FailureName, Verdict } from "../../exchange/delivery-rules.ts";
import type { ForwardOptions } from "../../exchange/exchange.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { Timed } from "../wire/wheel.ts";
import type { WireExchange } from "../wire/wire-exchange.ts";
import type { Member } from "./balance/member.ts";
import type { CallSubject, Sending, StandIn } from "./call-subject.ts";
import type { Places, Waiter } from "./places.ts";
import type { PreparedTarget } from "./target.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/**
 * How a try ended. `open`: a breaker refused it. `unusable`: no target may be used. `request`: the client's request broke off or cannot be
 * sent. `invalid`: the reply breaks HTTP.
 */
export type TryFailure = "" | FailureName | "invalid" | "open" | "unusable" | "request";

/** Whoever wants to know how a try ended. */
export interface TryOwner {
  tried(attempt: Try): void;
}

/** Where tries go: a target, or a cluster of them. */
export interface TrySource {
  readonly name: string;
  /** It sends through the engine's own client, so that a call may have several tries at once, or a copy. */
  readonly isOwn: boolean;
  /** Begins; `attempt.settle` follows once, perhaps at once. */
  begin(attempt: Try): void;
  /** The reply of this try is the one that the client gets: a last word on it. */
  chosen?(attempt: Try): void;
}

/** One sending of a call to one target, with everything that it must give back. */
export class Try implements Waiter, Timed {
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  /** The exchange that it is made for. */
  readonly x: WireExchange;
  /** Whose reply it makes: the exchange's own, or a stand-in's. */
  readonly subject: CallSubject;
  readonly standIn: StandIn | null;
  readonly options: ForwardOptions;
  /** Targets that have been tried before: others are preferred. */
  readonly tried: readonly Member[];
  readonly owner: TryOwner;
  /** It was begun beside others. */
  readonly isHedge: boolean;
  source: TrySource | null = null;
  member: Member | null = null;
  call: UpstreamCall | null = null;
  failure: TryFailure = "";
  refusal: Reply | undefined = undefined;
  isAbandoned = false;
  isSettled = false;
  /** Its reply's head was good, its body still passes. */
  isGoodSoFar = false;
  /** Set while it holds a place. */
  places: Places | null = null;
  /** The breakers that have admitted it, with what they said. */
  permits: { readonly breaker: CircuitBreaker; readonly permit: 1 | 2 }[] | null = null;
  /** Makes what is sent, where that is not the exchange's request. */
  prepare: ((target: PreparedTarget) => Sending | Reply) | null = null;
  whenGranted: ((attempt: Try) => void) | null = null;
  whenExpired: ((attempt: Try) => void) | null = null;

  constructor(
    x: WireExchange,
    standIn: StandIn | null,
    options: ForwardOptions,
    tried: readonly Member[],
    owner: TryOwner,
    isHedge = false,
  ) {
    this.x = x;
    this.standIn = standIn;
    this.subject = standIn ?? x;
    this.options = options;
    this.tried = tried;
    this.owner = owner;
    this.isHedge = isHedge;
  }

  /** Status of the reply; 0 where there is none. */
  get status(): number {
    if (this.failure !== "") return 0;
    return this.refusal?.status ?? this.subject.replyInTheMaking.status;
  }

  settle(failure: TryFailure, refusal: Reply | undefined): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.failure = failure;
    this.refusal = refusal;
    this.owner.tried(this);
  }

  /** Tells the breakers how it went. */
  judge(verdictOf: (breaker: CircuitBreaker) => Verdict, retryAfterMs: number): void {
    const { permits } = this;
    if (permits === null) return;
    this.permits = null;
    for (const { breaker, permit } of permits) breaker.ended(permit, verdictOf(breaker), retryAfterMs);
  }

  granted(): void {
    this.whenGranted?.(this);
  }

  expire(): void {
    this.whenExpired?.(this);
  }
}
