import { z } from "zod";
import type { PolicyHint } from "../bundle/json-schemas.ts";
import type { Policy } from "../exchange/policy.ts";
import { standardPolicies } from "./standard.ts";

/** The policies as editors are to know them. */
export const policyHints = (policies: readonly Policy[] = standardPolicies): readonly PolicyHint[] =>
  policies.map(({ name, summary, schema, shorthand }) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
    return { name, summary, schema: rest, hasShorthand: shorthand !== undefined };
  });
