import { z } from "zod";
import { visibilitySchema } from "./api.ts";
import { durationSchema, nameSchema } from "./names.ts";
import { policyDocumentSchema } from "./policy-document.ts";

const limitSchema = z.strictObject({
  calls: z.int().min(1).max(1_000_000_000),
  window: durationSchema,
});

/** What a customer buys: limits per subscription, how one gets it, and what it costs in words. */
export const planSchema = z.strictObject({
  title: z.string().max(200).optional(),
  description: z.string().max(2000).optional(),
  /** Sliding window per subscription; more calls answer 429. */
  "rate-limit": limitSchema.optional(),
  /** Long-term volume per subscription; more calls answer 403. */
  quota: z
    .strictObject({
      calls: z.int().min(1).optional(),
      bandwidth: z.int().min(1).optional(),
      "renewal-period": durationSchema,
    })
    .refine(
      (quota) => quota.calls !== undefined || quota.bandwidth !== undefined,
      "give `calls`, `bandwidth` (KB), or both",
    )
    .optional(),
  approval: z.enum(["automatic", "manual"]).optional(),
  terms: z.string().max(20_000).optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** What `products/NAME.yaml` says. */
export const productSchema = z.strictObject({
  title: z.string().max(200).optional(),
  description: z.string().max(5000).optional(),
  apis: z.array(nameSchema).max(10_000),
  plans: z
    .record(nameSchema, planSchema)
    .refine((plans) => Object.keys(plans).length > 0, "a product has at least one plan"),
  visibility: visibilitySchema.optional(),
  policy: policyDocumentSchema.optional(),
});
export type Product = z.infer<typeof productSchema>;
