import { z } from "zod";
import { durationMs, durationPattern } from "../base/duration.ts";

/** The longest name of a resource. */
export const nameLengthMax = 80;

/** How a resource is called in files and URLs: lower-case letters, digits, `-`, `.`, `_`; begins with a letter or digit. */
export const nameSchema = z
  .string()
  .min(1)
  .max(nameLengthMax)
  .regex(/^[a-z0-9][a-z0-9._-]*$/, "use lower-case letters, digits, '-', '.', '_', beginning with a letter or digit");

/** A duration as people write it: `60s`, `5m`, `250ms`; a bare number counts in seconds. */
export const durationSchema = z
  .union([z.string().meta({ pattern: durationPattern }), z.number().nonnegative()])
  .refine((value) => durationMs(value) !== undefined, "write a duration such as 500ms, 60s, 5m, 1h or 7d");

/** A label that a gateway carries and an API asks for: `internal`, `eu`, `region=eu-1`. */
export const labelSchema = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._=/-]{0,62}$/, "use letters, digits and . _ = / -");
