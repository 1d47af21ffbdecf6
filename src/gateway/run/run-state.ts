import type { Settled } from "../../exchange/backend.ts";
import type { StepResult } from "../../exchange/exchange.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { CompiledRoute } from "../compile/compiled-api.ts";
import type { CompiledStep } from "../compile/compiled-step.ts";
import type { Pipeline } from "../compile/pipeline.ts";
import type { EngineExchange } from "../engine.ts";

/** The parts of a call in their order. `answered` is final: only the wire touches the exchange then. */
export type Phase = "preflight" | "protect" | "inbound" | "backend" | "outbound" | "on-error" | "answered";

/** What a call waits for. */
export type Waiting = "nothing" | "backend" | "step";

/** What continues a call after a wait. */
export interface Continuation {
  settled(state: RunState, refusal: Reply | undefined): void;
  resumed(state: RunState, reply: StepResult): void;
  failed(state: RunState, thrown: unknown): void;
}

/**
 * Where a call stands in its pipeline. Pooled, with its callbacks made once: a call that passes through allocates neither closure
 * nor promise. A state goes back to the pool only when nothing can call it any more.
 */
export class RunState {
  x: EngineExchange | null = null;
  route: CompiledRoute | null = null;
  pipeline: Pipeline | null = null;
  phase: Phase = "answered";
  list: readonly CompiledStep[] = [];
  index = 0;
  waiting: Waiting = "nothing";
  /** True while `send` runs: a backend may settle before it returns. */
  isSending = false;
  hasSettled = false;
  /** True while the loop runs steps: then nobody may give the state to another exchange. */
  isBusy = false;
  sendRefusal: Reply | undefined = undefined;
  /** What goes out when `on-error` does not answer otherwise; null where the backend's own reply stays. */
  refusal: Reply | null = null;
  /** True after the exchange's last byte or abort. */
  isFinished = false;
  /** True where a step returned a promise: it may still hold the exchange after its end. */
  hasWaited = false;
  /** Ends a nested forward whose exchange is gone. */
  abandonForward: ((reason: Error) => void) | null = null;
  readonly settled: Settled;
  readonly resumed: (reply: StepResult) => void;
  readonly failed: (thrown: unknown) => void;

  constructor(continuation: Continuation) {
    this.settled = (refusal) => continuation.settled(this, refusal);
    this.resumed = (reply) => continuation.resumed(this, reply);
    this.failed = (thrown) => continuation.failed(this, thrown);
  }

  clear(): void {
    this.x = null;
    this.route = null;
    this.pipeline = null;
    this.phase = "answered";
    this.list = [];
    this.index = 0;
    this.waiting = "nothing";
    this.isSending = false;
    this.hasSettled = false;
    this.isBusy = false;
    this.sendRefusal = undefined;
    this.refusal = null;
    this.isFinished = false;
    this.hasWaited = false;
    this.abandonForward = null;
  }
}
