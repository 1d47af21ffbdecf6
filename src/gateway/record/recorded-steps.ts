import { Fault, messageOf } from "../../base/fault.ts";
import type { Exchange, Step, StepResult } from "../../exchange/exchange.ts";
import type { ExplainedDecision } from "../../model/explanation.ts";
import { blockOf, type CompiledStep, isWaiting, StepFault } from "../compile/compiled-step.ts";
import { BackendStatusFault, ForwardRefused } from "../run/forward-fault.ts";
import { CallRecord } from "./call-record.ts";

/*
 * Every list of steps has two forms. The plain one is what the compiler made; the recorded one, made when a call is first recorded on it
 * and kept as long as the plain one, tells the call's record what each step does. A call takes one of them; the plain one never asks.
 */
const lists = new WeakMap<readonly CompiledStep[], readonly CompiledStep[]>();

/** The recorded form of a section's list. */
export const recordedList = (plain: readonly CompiledStep[]): readonly CompiledStep[] => {
  let recorded = lists.get(plain);
  if (recorded === undefined) {
    recorded = plain.map((step) => recordedStep(step, ""));
    lists.set(plain, recorded);
  }
  return recorded;
};

/** Steps within the step at `within`: chooses between both forms each time, since the step that runs them is one closure for both. */
export const recordableBlock = (steps: readonly CompiledStep[], within: string): Step => {
  const plain = blockOf(steps);
  let recorded: Step | null = null;
  return (x) => {
    if (x.record === null) return plain(x);
    recorded ??= blockOf(steps.map((step) => recordedStep(step, within)));
    return recorded(x);
  };
};

/** Also the call of the backend becomes a step that waits: only so its end is seen here. */
const recordedStep = (plain: CompiledStep, within: string): CompiledStep => ({
  ...plain,
  forward: null,
  step: (x) => {
    const { record } = x;
    return record instanceof CallRecord ? runRecorded(plain, x, record, within) : plain.step(x);
  },
});

const runRecorded = (
  plain: CompiledStep,
  x: Exchange,
  record: CallRecord,
  within: string,
): StepResult | Promise<StepResult> => {
  const entry = record.begin(plain, x, within);
  const failed = (thrown: unknown): never => {
    record.failed(entry, x, decisionOf(thrown));
    throw thrown;
  };
  let result: StepResult | Promise<StepResult>;
  try {
    result = plain.step(x);
  } catch (thrown) {
    return failed(thrown);
  }
  if (isWaiting(result)) {
    return result.then((reply) => {
      record.ended(entry, x, reply);
      return reply;
    }, failed);
  }
  record.ended(entry, x, result);
  return result;
};

const decisionOf = (thrown: unknown): ExplainedDecision => {
  const cause = thrown instanceof StepFault ? thrown.cause : thrown;
  if (cause instanceof ForwardRefused) {
    const { problem, status } = cause.reply;
    return { kind: "refused", status, code: problem?.code ?? "", message: problem?.detail ?? "" };
  }
  if (cause instanceof BackendStatusFault)
    return { kind: "failed", code: "backend.reply_invalid", message: cause.message };
  if (cause instanceof Fault && cause.code !== "policy.fault")
    return { kind: "refused", code: cause.code, message: cause.message };
  return { kind: "failed", code: "policy.fault", message: messageOf(cause) };
};
