import type { Clock } from "../../base/clock.ts";
import type { Settled } from "../../exchange/backend.ts";
import type { HedgeRule, MirrorRule, RetryRule } from "../../exchange/delivery-rules.ts";
import type { ForwardOptions } from "../../exchange/exchange.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { BackendSide } from "../wire/sides.ts";
import type { Wheel } from "../wire/wheel.ts";
import type { WireExchange } from "../wire/wire-exchange.ts";
import { Alarm } from "./alarm.ts";
import type { Member } from "./balance/member.ts";
import { StandIn } from "./call-subject.ts";
import { Cluster } from "./cluster.ts";
import type { Mirrors } from "./mirror.ts";
import { RecordedBody } from "./recorded-body.ts";
import { Try, type TryOwner, type TrySource } from "./try.ts";
import { isUnsent, retryAfterMsOf } from "./try-failure.ts";
import { abandoned } from "./upstream-call.ts";

/** What deliveries are made with. */
export interface DeliveryTools {
  readonly wheel: Wheel;
  readonly clock: Clock;
  readonly random: () => number;
  /** Bytes of a request body that `buffer-request-body` holds. */
  readonly bufferedBodyBytesMax: number;
  readonly mirrors: Mirrors;
}

/**
 * One call on its way to backends, with as many tries as its rules allow: one after the other, or also beside each other where it is
 * hedged. Here, and only here, it is decided whether a request is sent again.
 */
export class Delivery implements TryOwner, BackendSide {
  readonly #x: WireExchange;
  readonly #sources: readonly TrySource[];
  readonly #options: ForwardOptions;
  /** Of `options.mirrors`, in their order. */
  readonly #mirrored: readonly TrySource[];
  readonly #tools: DeliveryTools;
  readonly #hedge: HedgeRule | null;
  readonly #begunMs: number;
  readonly #running = new Set<Try>();
  readonly #alarms: Alarm[] = [];
  #settled: Settled | null;
  #sourceIndex = 0;
  #tried: Member[] = [];
  #repeats = 0;
  #hedges = 0;
  #recorded: RecordedBody | null = null;

  constructor(
    x: WireExchange,
    sources: readonly TrySource[],
    options: ForwardOptions,
    mirrored: readonly TrySource[],
    tools: DeliveryTools,
    settled: Settled,
  ) {
    this.#x = x;
    this.#sources = sources;
    this.#options = options;
    this.#mirrored = mirrored;
    this.#tools = tools;
    this.#settled = settled;
    this.#begunMs = tools.wheel.nowMs;
    this.#hedge = this.#hedgeRule();
  }

  begin(): void {
    const { totalTimeoutMs } = this.#options;
    if (totalTimeoutMs !== undefined) this.#after(totalTimeoutMs, () => this.#end(refuse("backend.timeout")));
    const { body } = this.#x.request;
    if (!body.isUntouched || body.isEmpty) {
      this.#mirror(body.whole);
      this.#begin();
    } else if (this.#mustHold()) this.#hold();
    else {
      this.#record();
      this.#begin();
    }
  }

  // ---- BackendSide

  abandon(): void {
    this.#end(abandoned());
  }

  // ---- TryOwner

  tried(attempt: Try): void {
    this.#running.delete(attempt);
    if (attempt.member !== null) this.#tried.push(attempt.member);
    if (this.#settled === null) return;
    const rule = this.#retryRule;
    const isBad =
      attempt.failure !== "" || (rule?.statuses.has(attempt.status) ?? false) || this.#isFailoverStatus(attempt);
    if (attempt.isAbandoned) this.#end(attempt.refusal ?? abandoned());
    else if (!isBad) this.#win(attempt);
    else if (this.#running.size > 0) this.#discard(attempt);
    else if (this.#mayRepeat(attempt, rule)) this.#repeat(attempt, this.#waitMs(attempt, rule));
    else if (this.#mayFailOver(attempt)) this.#failOver(attempt);
    else this.#win(attempt);
  }

  // ---- tries

  get #source(): TrySource | undefined {
    return this.#sources[this.#sourceIndex];
  }

  get #cluster(): Cluster | null {
    const source = this.#source;
    return source instanceof Cluster ? source : null;
  }

  get #retryRule(): RetryRule | null {
    return this.#options.retry ?? this.#cluster?.config.retry ?? null;
  }

  #hedgeRule(): HedgeRule | null {
    const rule = this.#options.hedge ?? this.#cluster?.config.hedge ?? null;
    if (
      rule === null ||
      this.#x.request.upgrade !== "" ||
      !this.#isIdempotent(rule.idempotent) ||
      !this.#sources.every(({ isOwn }) => isOwn)
    )
      return null;
    // Two tries cannot share a body that streams past: it must be here, or small enough to be waited for.
    const { body } = this.#x.request;
    const isSmall = body.isEmpty || (body.length !== undefined && body.length <= rule.bodyBytesMax);
    return isSmall ? rule : null;
  }

  #begin(isHedge = false): void {
    const source = this.#source;
    if (this.#settled === null || source === undefined) return;
    const x = this.#x;
    const isHedged = this.#hedge !== null;
    const tried = [...this.#tried];
    for (const { member } of this.#running) if (member !== null) tried.push(member);
    const attempt = new Try(x, isHedged ? new StandIn(x) : null, this.#tryOptions(), tried, this, isHedge);
    this.#running.add(attempt);
    if (isHedged) {
      x.backendSide = this;
      const rule = this.#hedge;
      if (rule !== null && this.#hedges < rule.attempts) this.#after(rule.afterMs, () => this.#addHedge(rule));
    }
    source.begin(attempt);
  }

  /** The breakers of policies watch the call's own backend, not those that stand in for it. */
  #tryOptions(): ForwardOptions {
    if (this.#sourceIndex === 0 || this.#options.breakers === undefined) return this.#options;
    return { ...this.#options, breakers: [] };
  }

  #addHedge(rule: HedgeRule): void {
    if (this.#settled === null || this.#running.size === 0 || this.#hedges >= rule.attempts) return;
    if (this.#budget?.withdraw() === false) return;
    this.#hedges++;
    this.#cluster?.row.add("hedges", 1);
    this.#begin(true);
  }

  get #budget(): ForwardOptions["budget"] {
    return this.#options.budget ?? this.#cluster?.budget;
  }

  #mayRepeat(attempt: Try, rule: RetryRule | null): boolean {
    if (rule === null || this.#repeats >= rule.attempts) return false;
    const { failure } = attempt;
    const isMeant = failure === "" ? rule.statuses.has(attempt.status) : isNamed(failure) && rule.on.has(failure);
    if (!isMeant || !this.#maySendAgain(attempt, rule.idempotent)) return false;
    const retryAfterMs = retryAfterMsOf(attempt, this.#tools.clock.nowMs());
    if (retryAfterMs > rule.retryAfterMsMax) return false;
    const { timeoutMs } = this.#options;
    if (timeoutMs !== undefined && this.#tools.wheel.nowMs - this.#begunMs >= timeoutMs) return false;
    return this.#budget?.withdraw() ?? true;
  }

  #maySendAgain(attempt: Try, idempotent: RetryRule["idempotent"]): boolean {
    if (this.#x.isClientGone) return false;
    const { body } = this.#x.request;
    const isAtHand = body.isEmpty || !body.isTaken || (this.#recorded?.isRepeatable ?? false) || isWhole(body.replaced);
    return isAtHand && (isUnsent(attempt.failure) || this.#isIdempotent(idempotent));
  }

  /** RFC 9110 section 9.2.2. */
  #isIdempotent(idempotent: RetryRule["idempotent"]): boolean {
    const { method, headers } = this.#x.request;
    if (idempotent === "always" || /^(?:GET|HEAD|OPTIONS|PUT|DELETE)$/.test(method)) return true;
    return idempotent === "key" && headers.has("idempotency-key");
  }

  #waitMs(attempt: Try, rule: RetryRule | null): number {
    if (rule === null) return 0;
    const retryAfterMs = retryAfterMsOf(attempt, this.#tools.clock.nowMs());
    if (retryAfterMs >= 0) return retryAfterMs;
    // Nobody has worked for it, and there are others: no reason to wait.
    const hasOthers = (this.#cluster?.config.targets.length ?? 1) > this.#tried.length;
    if (this.#repeats === 0 && hasOthers && isUnsent(attempt.failure)) return 0;
    return this.#tools.random() * Math.min(rule.backoffMsMax, rule.backoffMs * 2 ** this.#repeats);
  }

  #repeat(attempt: Try, waitMs: number): void {
    this.#repeats++;
    this.#cluster?.row.add("retries", 1);
    this.#letGo(attempt);
    if (waitMs === 0) this.#begin();
    else this.#after(waitMs, () => this.#begin());
  }

  #isFailoverStatus(attempt: Try): boolean {
    const rule = this.#options.failover;
    return rule?.statuses.has(attempt.status) === true && this.#sourceIndex + 1 < this.#sources.length;
  }

  #mayFailOver(attempt: Try): boolean {
    const rule = this.#options.failover;
    if (rule === undefined || this.#sourceIndex + 1 >= this.#sources.length) return false;
    const { failure } = attempt;
    const isMeant =
      failure === "open" || failure === "unusable" || failure === ""
        ? failure !== "" || rule.statuses.has(attempt.status)
        : isNamed(failure) && rule.on.has(failure);
    return isMeant && this.#maySendAgain(attempt, rule.idempotent);
  }

  #failOver(attempt: Try): void {
    this.#cluster?.row.add("failovers", 1);
    this.#letGo(attempt);
    this.#sourceIndex++;
    this.#repeats = 0;
    this.#tried = [];
    this.#begin();
  }

  /** The reply of a try that is not the last: its connection is free, its body can be sent again. */
  #letGo(attempt: Try): void {
    this.#discard(attempt);
    const x = this.#x;
    if (x.backendSide === this) x.backendSide = null;
    x.dropReply();
    this.#recorded?.detach();
    x.request.body.rewind();
    x.backendSide = this;
  }

  #discard(attempt: Try): void {
    attempt.standIn?.abandon();
  }

  // ---- the end

  #win(attempt: Try): void {
    const settled = this.#finish();
    if (settled === null) return;
    for (const other of this.#running) other.standIn?.abandon();
    this.#running.clear();
    const { standIn } = attempt;
    if (standIn !== null) {
      if (attempt.refusal === undefined) standIn.giveTo(this.#x);
      else this.#x.backendSide = null;
      if (attempt.isHedge) this.#cluster?.row.add("hedgesWon", 1);
    }
    if (attempt.refusal === undefined) attempt.source?.chosen?.(attempt);
    settled(attempt.refusal);
  }

  #end(refusal: Reply): void {
    const settled = this.#finish();
    if (settled === null) return;
    const x = this.#x;
    const side = x.backendSide;
    x.backendSide = null;
    if (side !== this) side?.abandon();
    for (const attempt of this.#running) attempt.standIn?.abandon();
    this.#running.clear();
    settled(refusal);
  }

  #finish(): Settled | null {
    const settled = this.#settled;
    this.#settled = null;
    for (const alarm of this.#alarms) this.#tools.wheel.remove(alarm);
    return settled;
  }

  // ---- the request's body

  #mustHold(): boolean {
    return this.#hedge !== null || this.#options.bufferRequestBody === true;
  }

  #hold(): void {
    const bytesMax = this.#hedge?.bodyBytesMax ?? this.#tools.bufferedBodyBytesMax;
    this.#x.request.body.read(bytesMax).then(
      (bytes) => {
        this.#mirror(bytes);
        this.#begin();
      },
      (thrown: unknown) => this.#end(refusalOfBody(thrown)),
    );
  }

  #record(): void {
    const { retry, failover } = this.#options;
    const bytesMax = Math.max(
      (retry ?? this.#retryRule)?.bodyBytesMax ?? 0,
      failover?.bodyBytesMax ?? 0,
      ...this.#mirrorRules.map((rule) => rule.bodyBytesMax),
    );
    const { body } = this.#x.request;
    const { source } = body;
    // What is known to be too long is not even begun with.
    if (source === null || bytesMax === 0 || (body.length !== undefined && body.length > bytesMax)) {
      this.#cluster?.row.add("mirrorsDropped", this.#mirrored.length);
      return;
    }
    this.#recorded = source instanceof RecordedBody ? source : new RecordedBody(source, bytesMax);
    body.source = this.#recorded;
    if (this.#mirrored.length > 0) {
      this.#recorded.whenWhole((bytes) => this.#sendCopies(bytes));
    }
  }

  get #mirrorRules(): readonly MirrorRule[] {
    return this.#options.mirrors ?? [];
  }

  /** Copies of a request whose body is here; one that is made here piece by piece is not copied. */
  #mirror(body: Uint8Array | undefined): void {
    if (this.#mirrored.length > 0 && body !== undefined)
      this.#sendCopies(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  }

  #sendCopies(bytes: Buffer): void {
    for (const [at, rule] of this.#mirrorRules.entries()) {
      const source = this.#mirrored[at];
      const isSent =
        source !== undefined &&
        bytes.length <= rule.bodyBytesMax &&
        this.#tools.mirrors.send(this.#x, source, rule, bytes.length === 0 ? null : bytes);
      this.#cluster?.row.add(isSent ? "mirrored" : "mirrorsDropped", 1);
    }
  }

  #after(ms: number, act: () => void): void {
    const alarm = new Alarm(act);
    this.#alarms.push(alarm);
    this.#tools.wheel.set(alarm, ms);
  }
}

const isNamed = (failure: Try["failure"]): failure is "connect" | "reset" | "timeout" | "overloaded" =>
  failure === "connect" || failure === "reset" || failure === "timeout" || failure === "overloaded";

const isWhole = (body: unknown): boolean => body === null || typeof body === "string" || body instanceof Uint8Array;

/** What a body that could not be read is answered with. */
const refusalOfBody = (thrown: unknown): Reply => {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
  if (code === "request.body_too_large" || code === "request.timeout") return refuse(code);
  return refuse("request.body_invalid");
};
