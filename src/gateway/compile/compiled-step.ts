import type { Exchange, ForwardOptions, Step, StepResult } from "../../exchange/exchange.ts";
import type { Section } from "../../exchange/policy.ts";
import type { Reply } from "../../exchange/reply.ts";

/** A step of a pipeline, ready to run. */
export interface CompiledStep {
  /** The policy's name, for faults and logs. */
  readonly policy: string;
  /** Where it was written: file and path. */
  readonly at: string;
  /** The scope and the section that it was written in; empty for what the engine does by itself. */
  readonly scope: string;
  readonly section: Section | "";
  readonly step: Step;
  /** Set where the step is the call of the backend, which the run does itself. */
  readonly forward: ForwardOptions | null;
  readonly preflight: Step | null;
}

/** What a step threw, with the step: so that a fault inside a block names the policy that failed, not the block. */
export class StepFault extends Error {
  readonly step: CompiledStep;

  constructor(step: CompiledStep, cause: unknown) {
    super(`${step.policy} failed`, { cause });
    this.name = "StepFault";
    this.step = step;
  }
}

/** True for what a step answers when it waits. */
export const isWaiting = (result: StepResult | Promise<StepResult>): result is Promise<StepResult> =>
  result !== undefined && "then" in result;

/** The call of the backend as a step of a block, where the step must wait for it. */
export const forwardStep =
  (options: ForwardOptions): Step =>
  (x) =>
    x.forward(options).then(nothing);

/** Steps in order until one replies. Waits only where a step waits. */
export const blockOf =
  (steps: readonly CompiledStep[]): Step =>
  (x) => {
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i];
      if (step === undefined) break;
      let result: StepResult | Promise<StepResult>;
      try {
        result = step.step(x);
      } catch (thrown) {
        throw asStepFault(step, thrown);
      }
      if (result === undefined) continue;
      if (isWaiting(result)) return restOf(steps, i, x, result);
      return result;
    }
    return undefined;
  };

const restOf = async (
  steps: readonly CompiledStep[],
  from: number,
  x: Exchange,
  first: Promise<StepResult>,
): Promise<Reply | undefined> => {
  let waiting: StepResult | Promise<StepResult> = first;
  for (let i = from; ; ) {
    const step = steps[i];
    if (step === undefined) return undefined;
    try {
      const reply = await waiting;
      if (reply !== undefined) return reply;
      i += 1;
      waiting = steps[i]?.step(x);
    } catch (thrown) {
      throw asStepFault(steps[i] ?? step, thrown);
    }
  }
};

const asStepFault = (step: CompiledStep, thrown: unknown): unknown =>
  thrown instanceof StepFault ? thrown : new StepFault(step, thrown);

const nothing = (): undefined => undefined;
