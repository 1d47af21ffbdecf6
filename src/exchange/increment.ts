import { z } from "zod";
import type { Exchange } from "./exchange.ts";
import type { PolicyTools } from "./policy.ts";
import { booleanValue, numberValue } from "./policy-schema.ts";

/** When a call counts and for how much: the attributes that the by-key limits share. */
export const incrementAttributes = {
  "increment-condition": booleanValue.optional(),
  "increment-count": numberValue.optional(),
};
const incrementSchema = z.object(incrementAttributes);

/** How a limit counts. */
export interface Increment {
  /** True where what counts is known only after the reply. */
  readonly isLate: boolean;
  /** Units that the call counts, 0 where it does not. Throws where an expression fails or gives no whole number. */
  costOf(x: Exchange): number;
  /** The same after the reply, when nothing may be thrown: a failing expression counts one, so that no failure makes calls free. */
  lateCostOf(x: Exchange): number;
}

/** Builds it; a condition that is an expression is asked after the reply, because it usually asks about the reply. */
export const increment = (
  config: z.infer<typeof incrementSchema>,
  isAfterResponse: boolean,
  tools: PolicyTools,
): Increment => {
  const given = config["increment-condition"];
  const condition = given === undefined ? undefined : tools.value(given, "boolean", ".increment-condition");
  const count = tools.value(config["increment-count"] ?? 1, "number", ".increment-count");
  if (count.constant !== undefined && !isCount(count.constant))
    tools.mistake(".increment-count", "a whole number that is not negative");
  const costOf = (x: Exchange): number => {
    if (condition !== undefined && !condition.of(x)) return 0;
    const cost = count.of(x);
    if (!isCount(cost)) throw new RangeError(`increment-count gave ${cost}`);
    return cost;
  };
  return {
    isLate: isAfterResponse || (condition !== undefined && condition.constant === undefined),
    costOf,
    lateCostOf: (x) => {
      try {
        return costOf(x);
      } catch (thrown) {
        tools.log.warn("a limit could not tell what a call counts", { at: tools.at, requestId: x.id, error: thrown });
        return 1;
      }
    },
  };
};

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
