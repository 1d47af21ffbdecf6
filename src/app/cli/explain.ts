import { setTimeout as wait } from "node:timers/promises";
import { answer, type Call, type CommandSpec, exitCodes } from "./command.ts";
import { explanationText, type ShownExplanation } from "./explanation-text.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import type { ManagementClient } from "./management-client.ts";
import { platformOf } from "./platform.ts";

/** `portico explain`. */
export const explain: CommandSpec = {
  name: "explain",
  group: "Operate",
  summary: "Show every decision about one request",
  details:
    "The id is the reply's X-Request-Id. Explained are calls that asked for it (`portico try --explain`), the gateway's share of all calls (--explain-sample), and, by their end only, failed ones.",
  arguments: [{ name: "request-id", description: "X-Request-Id of the reply" }],
  usesPlatform: true,
  examples: ["portico explain Zk3vQ0aPq1-0001", "portico explain Zk3vQ0aPq1-0001 --json | jq .steps"],
  run: async (call) => {
    const id = call.argument(0) ?? "";
    if (!/^[\x21-\x7e]{1,200}$/.test(id))
      throw usageFailure(`'${id}' is no request id.`, "Give the reply's X-Request-Id.");
    const { client } = await platformOf(call);
    const explanation = await findExplanation(client, id);
    if (explanation === undefined) {
      throw new CommandFailure({
        code: "explanation.not_found",
        message: `There is no explanation of the request ${id}.`,
        next: "Call again with `portico try --explain METHOD PATH`, or start the gateway with --explain-sample 0.01.",
      });
    }
    await showExplanation(call, explanation);
    return exitCodes.ok;
  },
};

/** The explanation of a call, or undefined where control has none. */
const findExplanation = async (client: ManagementClient, id: string): Promise<ShownExplanation | undefined> =>
  (await client.find(`/requests/${encodeURIComponent(id)}/explain`)) as ShownExplanation | undefined;

const awaitedMs = 5_000;
const pollMs = 100;

/** The explanation of a call that has just been made; it takes a moment from the gateway to control. */
export const awaitExplanation = async (
  client: ManagementClient,
  id: string,
  signal: AbortSignal,
): Promise<ShownExplanation> => {
  const untilMs = performance.now() + awaitedMs;
  for (;;) {
    const found = await findExplanation(client, id);
    if (found !== undefined) return found;
    if (performance.now() > untilMs) {
      throw new CommandFailure({
        code: "explanation.not_found",
        message: `The explanation of the request ${id} has not arrived.`,
        next: "See whether the gateway is connected to control: `portico doctor`.",
      });
    }
    await wait(pollMs, undefined, { signal });
  }
};

/** Prints an explanation. */
const showExplanation = (call: Call, explanation: ShownExplanation): Promise<void> =>
  answer(call, explanation, () => explanationOfCall(call, explanation));

/** The text for this call's terminal. */
export const explanationOfCall = ({ terminal }: Call, explanation: ShownExplanation): string =>
  explanationText(explanation, { hasColor: terminal.isOutputTerminal && terminal.env.NO_COLOR === undefined });
