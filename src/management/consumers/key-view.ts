import { z } from "zod";
import { keySlots } from "../../model/consumer.ts";
import type { StoredKey } from "../../store/repositories/api-keys.ts";

/** A key as it may be shown: never the key itself. */
export const keySchema = z
  .object({
    id: z.string(),
    subscriptionId: z.string(),
    slot: z.enum(keySlots),
    prefix: z.string().describe("The characters that name the key; the rest is never shown."),
    state: z.enum(["active", "expired", "revoked"]),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().optional(),
    revokedAt: z.iso.datetime().optional(),
    lastUsedAt: z.iso.datetime().optional().describe("To the minute, of the subscription's keys together."),
    replacedBy: z
      .string()
      .optional()
      .describe("The key that a rotation put in its place; this one ends with its grace."),
    revision: z.int(),
  })
  .meta({ id: "Key" });

/** A key as the one answer that creates it shows it. */
export const newKeySchema = keySchema
  .extend({ key: z.string().describe("The key. It is shown this once.") })
  .meta({ id: "NewKey" });

/** The view of a row. */
export const keyView = (row: StoredKey, nowMs: number) => ({
  id: row.id,
  subscriptionId: row.subscriptionId,
  slot: row.slot,
  prefix: row.prefix,
  state: stateOf(row, nowMs),
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt?.toISOString(),
  revokedAt: row.revokedAt?.toISOString(),
  lastUsedAt: row.lastUsedAt?.toISOString(),
  replacedBy: row.replacedBy,
  revision: row.changedRevision,
});

/** Whether a key may still be used. */
export const stateOf = (row: StoredKey, nowMs: number): "active" | "expired" | "revoked" => {
  if (row.revokedAt !== undefined) return "revoked";
  return row.expiresAt !== undefined && row.expiresAt.getTime() <= nowMs ? "expired" : "active";
};
