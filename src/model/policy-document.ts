import { z } from "zod";

/** The four sections of a policy document, in the order in which they run. */
export const policySections = ["inbound", "backend", "outbound", "on-error"] as const;
export type PolicySection = (typeof policySections)[number];

/** One entry of a section: `base`, or an object with one key, the policy's name, whose value is its configuration. */
export const policyStepSchema = z.union(
  [
    z.literal("base"),
    z.record(z.string(), z.unknown()).refine((step) => Object.keys(step).length === 1, {
      message: "a step is `base` or an object with exactly one key, the policy's name",
    }),
  ],
  {
    error: ({ input }) =>
      typeof input === "string"
        ? `'${input.slice(0, 60)}' is no step: a step is \`base\`, or an object with exactly one key, the policy's name`
        : "a step is `base` or an object with exactly one key, the policy's name",
  },
);
export type PolicyStep = z.infer<typeof policyStepSchema>;

const stepsMax = 200;
const sectionSchema = z.array(policyStepSchema).max(stepsMax);

/** What one scope says. A section that is absent runs the outer scope's section; one that is present runs it where `base` stands, or not at all. */
export const policyDocumentSchema = z.strictObject({
  inbound: sectionSchema.optional(),
  backend: sectionSchema.optional(),
  outbound: sectionSchema.optional(),
  "on-error": sectionSchema.optional(),
});
export type PolicyDocument = z.infer<typeof policyDocumentSchema>;

/** What `apis/NAME/policy.yaml` says: the API's scope, and below it each operation's by id. */
export const apiPolicySchema = policyDocumentSchema.extend({
  operations: z.record(z.string(), policyDocumentSchema).optional(),
});
export type ApiPolicy = z.infer<typeof apiPolicySchema>;

/** A named list of steps that policies take in with `include-fragment`. */
export const fragmentSchema = z.strictObject({
  description: z.string().max(2000).optional(),
  steps: sectionSchema,
});
export type Fragment = z.infer<typeof fragmentSchema>;
