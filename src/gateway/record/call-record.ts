import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Exchange, StepResult } from "../../exchange/exchange.ts";
import type { NoteValue } from "../../exchange/recorder.ts";
import type { ExplainedDecision, ExplainReason, Explanation } from "../../model/explanation.ts";
import type { CompiledStep } from "../compile/compiled-step.ts";
import type { EngineExchange, EngineRecorder, UpstreamEvent } from "../engine.ts";
import type { BodySource } from "../wire/sides.ts";
import { BodyTap } from "./body-tap.ts";
import { changesBetween, type ExchangeView, type RawChange, viewOf } from "./exchange-view.ts";
import { createRedactor, type Redactor } from "./redactor.ts";

/** Bounds of one record. What goes beyond is counted in `leftOut`. */
const stepsMax = 500;
const notesMax = 40;
const changesMax = 80;
const attemptsMax = 50;

/** A request to a backend, while it is recorded. */
export interface RawAttempt {
  target: string;
  queuedUs: number;
  sentUs: number;
  replyUs: number;
  endUs: number;
  status: number;
  code: string;
  spanId: string;
}

/** A step, while it is recorded. */
export interface RawStep {
  readonly compiled: CompiledStep;
  readonly startUs: number;
  endUs: number;
  decision: ExplainedDecision;
  changes: readonly RawChange[];
  readonly notes: { readonly name: string; readonly value: NoteValue }[];
  readonly attempts: RawAttempt[];
  readonly steps: RawStep[];
  readonly before: ExchangeView | null;
}

/** How a call is recorded. */
export interface RecordOptions {
  readonly reason: ExplainReason;
  /** False where only the decisions and times are wanted, as for traces: then nothing is compared before and after a step. */
  readonly hasChanges: boolean;
  /** The call belongs to a trace that is exported: the backend is told about our spans. */
  readonly isTraced: boolean;
  /** The API that the token is for; empty where no token asked. */
  readonly tokenApi: string;
  /** Bytes of bodies that the token asked for. */
  readonly bodyBytesMax: number;
}

type RouteOutcome = Explanation["route"]["outcome"];

/** What is recorded of one call, from its head on. Made only for calls that somebody asked about. */
export class CallRecord implements EngineRecorder {
  readonly options: RecordOptions;
  readonly redactor: Redactor = createRedactor();
  readonly startedMs: number = performance.now();
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly query: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  readonly steps: RawStep[] = [];
  readonly notes: { readonly name: string; readonly value: NoteValue }[] = [];
  readonly attempts: RawAttempt[] = [];
  readonly lateHeaders = new Map<string, string>();
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly taps: { request: BodyTap | null; reply: BodyTap | null } = { request: null, reply: null };
  route: { outcome: RouteOutcome; message: string } = { outcome: "found", message: "" };
  leftOut = 0;
  readonly #flags: string;
  readonly #open: RawStep[] = [];
  readonly #closed: RawStep[] = [];
  readonly #attempts = new Map<object, RawAttempt>();
  /** A head is composed right after `sent` has been told. */
  #lastSent: RawAttempt | null = null;

  constructor(x: EngineExchange, options: RecordOptions) {
    this.options = options;
    const { request, clientTraceparent } = x;
    this.request = {
      method: request.method,
      path: request.path,
      query: request.query,
      headers: request.headers.entries().filter(([name]) => name.toLowerCase() !== "portico-explain"),
    };
    this.traceId = clientTraceparent === "" ? randomBytes(16).toString("hex") : clientTraceparent.slice(3, 35);
    this.parentSpanId = clientTraceparent.slice(36, 52);
    this.spanId = options.isTraced ? newSpanId() : "";
    // The sampled flag is ours; that ids are random (Trace Context level 2) is the client's word.
    const given = clientTraceparent === "" ? 2 : Number.parseInt(clientTraceparent.slice(53, 55), 16);
    this.#flags = ((given & 2) | 1).toString(16).padStart(2, "0");
  }

  get nowUs(): number {
    return Math.round((performance.now() - this.startedMs) * 1000);
  }

  // ---- Recorder

  note(name: string, value: NoteValue, at = ""): void {
    const step = at === "" ? this.#open.at(-1) : this.#open.findLast((open) => open.compiled.at === at);
    const notes = step?.notes ?? this.notes;
    if (notes.length < notesMax) notes.push({ name, value });
    else this.leftOut += 1;
  }

  // ---- EngineRecorder

  upstream(call: object, event: UpstreamEvent, detail: string): void {
    const known = this.#attempts.get(call);
    const isWaiting = known !== undefined && known.sentUs < 0 && known.endUs < 0;
    // The same call may be sent again: on another connection, or after a redirect.
    const attempt = event === "queued" || (event === "sent" && !isWaiting) ? this.#newAttempt(call, detail) : known;
    if (attempt === undefined) return;
    if (event === "queued") attempt.queuedUs = this.nowUs;
    else if (event === "sent") {
      attempt.target = detail;
      attempt.sentUs = this.nowUs;
      this.#lastSent = attempt;
    } else if (event === "reply") {
      attempt.replyUs = this.nowUs;
      attempt.status = Number(detail);
    } else if (attempt.endUs < 0) {
      attempt.endUs = this.nowUs;
      attempt.code = detail;
    }
  }

  #newAttempt(call: object, target: string): RawAttempt | undefined {
    const attempts = this.#open.at(-1)?.attempts ?? this.attempts;
    if (attempts.length >= attemptsMax) {
      this.leftOut += 1;
      return undefined;
    }
    const spanId = this.options.isTraced ? newSpanId() : "";
    const attempt = { target, queuedUs: -1, sentUs: -1, replyUs: -1, endUs: -1, status: 0, code: "", spanId };
    attempts.push(attempt);
    this.#attempts.set(call, attempt);
    return attempt;
  }

  replyHeader(name: string, value: string): void {
    this.lateHeaders.set(name.toLowerCase(), value);
  }

  nextTraceparent(): string {
    if (!this.options.isTraced) return "";
    return `00-${this.traceId}-${this.#lastSent?.spanId ?? this.spanId}-${this.#flags}`;
  }

  tap(message: "request" | "reply", source: BodySource): BodySource {
    if (this.options.bodyBytesMax === 0) return source;
    const tap = new BodyTap(source, this.options.bodyBytesMax);
    this.taps[message] = tap;
    return tap;
  }

  // ---- steps

  /**
   * A step begins. `within` is the place of the step whose block it belongs to, empty in a section itself: blocks may run beside each
   * other, so what began last is not always the parent.
   */
  begin(step: CompiledStep, x: Exchange, within: string): RawStep {
    const parent = within === "" ? undefined : this.#open.findLast((open) => open.compiled.at === within);
    const entry: RawStep = {
      compiled: step.at === "" ? this.#declared(step) : step,
      startUs: this.nowUs,
      endUs: -1,
      decision: { kind: "cut-off" },
      changes: [],
      notes: [],
      attempts: [],
      steps: [],
      before: this.options.hasChanges ? viewOf(x) : null,
    };
    // Blocks give way first: what a section itself does is seen longest.
    const room = parent === undefined ? 2 * stepsMax : stepsMax;
    if (this.#closed.length + this.#open.length < room) (parent ?? this).steps.push(entry);
    else this.leftOut += 1;
    this.#open.push(entry);
    return entry;
  }

  ended(entry: RawStep, x: Exchange, result: StepResult): void {
    this.#close(entry, x);
    if (result === undefined) {
      const isForward = entry.compiled.forward !== null;
      entry.decision = isForward ? { kind: "forwarded", status: x.reply?.status ?? 0 } : { kind: "went-on" };
    } else if (result.problem === undefined) entry.decision = { kind: "replied", status: result.status };
    else {
      const { code, detail } = result.problem;
      entry.decision = { kind: "refused", status: result.status, code, message: detail };
    }
  }

  failed(entry: RawStep, x: Exchange, decision: ExplainedDecision): void {
    this.#close(entry, x);
    entry.decision = decision;
  }

  /** A step that a policy left for the reply has no place of its own: it is that of the step which left it. */
  #declared(step: CompiledStep): CompiledStep {
    const origin = this.#closed.findLast(
      (closed) => closed.compiled.policy === step.policy && closed.compiled.at !== "",
    );
    return origin === undefined ? step : { ...step, at: origin.compiled.at, scope: origin.compiled.scope };
  }

  #close(entry: RawStep, x: Exchange): void {
    entry.endUs = this.nowUs;
    const at = this.#open.lastIndexOf(entry);
    if (at >= 0) this.#open.splice(at, 1);
    this.#closed.push(entry);
    if (entry.before === null) return;
    const after = viewOf(x);
    const changes = changesBetween(entry.before, after);
    entry.changes = changes.slice(0, changesMax);
    this.leftOut += changes.length - entry.changes.length;
    this.redactor.learnHeaders(after.headers);
    this.redactor.learnHeaders(after.replyHeaders);
    if (after.caller !== null) this.redactor.learnCaller(after.caller);
  }
}

const newSpanId = (): string => randomBytes(8).toString("hex");
