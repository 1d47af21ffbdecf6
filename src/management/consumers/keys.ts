import type { Transaction } from "kysely";
import { z } from "zod";
import { durationMs } from "../../base/duration.ts";
import { uuidv7 } from "../../base/ids.ts";
import { apiKeyDigest, apiKeyPrefix, newApiKey } from "../../model/api-key.ts";
import { type KeySlot, keySlots } from "../../model/consumer.ts";
import { durationSchema } from "../../model/names.ts";
import {
  findKey,
  insertKey,
  listKeys as listRows,
  type StoredKey,
  updateKey,
} from "../../store/repositories/api-keys.ts";
import { findSubscription } from "../../store/repositories/subscriptions.ts";
import type { Tables } from "../../store/schema.ts";
import type { Change } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { keySchema, keyView, newKeySchema, stateOf } from "./key-view.ts";

const keyParamsSchema = z.object({ key: z.string().max(100) });
const expirySchema = z.iso.datetime({ offset: true });
/** Keys that one subscription may hold at a time: one in each slot, and those whose grace runs out. */
const validKeysMax = 10;

/** The keys of all subscriptions. */
export const listKeys: Operation = defineOperation({
  id: "listKeys",
  method: "GET",
  path: "/keys",
  tag: "Consumers",
  summary: "List the keys of all subscriptions, masked",
  access: "consumers.read",
  query: pageQuerySchema.extend({
    revoked: z.enum(["true", "false"]).optional().describe("`true` also lists revoked keys."),
  }),
  answers: { 200: { description: "The oldest first.", schema: pageOf(keySchema) } },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const withRevoked = query.revoked === "true";
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1, withRevoked });
    return {
      status: 200,
      json: pageJson(
        rows,
        limit,
        (row) => row.id,
        (row) => keyView(row, tools.clock.nowMs()),
      ),
    };
  },
});

/** The keys of one subscription. */
export const listSubscriptionKeys: Operation = defineOperation({
  id: "listSubscriptionKeys",
  method: "GET",
  path: "/subscriptions/{subscription}/keys",
  tag: "Consumers",
  summary: "List a subscription's keys, masked",
  access: "consumers.read",
  params: z.object({ subscription: z.string().max(100) }),
  query: pageQuerySchema,
  answers: { 200: { description: "The oldest first.", schema: pageOf(keySchema) } },
  refusals: [404],
  run: async ({ tools, params, query }) => {
    const subscription = await findSubscription(tools.db, params.subscription);
    if (subscription === undefined) throw notFound("subscription", params.subscription);
    const limit = limitOf(query);
    const rows = await listRows(tools.db, {
      after: idPlaceOf(query),
      limit: limit + 1,
      subscriptionId: subscription.id,
    });
    return {
      status: 200,
      json: pageJson(
        rows,
        limit,
        (row) => row.id,
        (row) => keyView(row, tools.clock.nowMs()),
      ),
    };
  },
});

/** One key, masked. */
export const getKey: Operation = defineOperation({
  id: "getKey",
  method: "GET",
  path: "/keys/{key}",
  tag: "Consumers",
  summary: "Read a key, masked",
  access: "consumers.read",
  params: keyParamsSchema,
  hasEtag: true,
  answers: { 200: { description: "The key without its secret.", schema: keySchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const row = await findKey(tools.db, params.key);
    if (row === undefined) throw notFound("key", params.key);
    return { status: 200, json: keyView(row, tools.clock.nowMs()) };
  },
});

/** Issues a key into a free slot. The answer shows it once. */
export const postKey: Operation = defineOperation({
  id: "postKey",
  method: "POST",
  path: "/subscriptions/{subscription}/keys",
  tag: "Consumers",
  summary: "Issue a key",
  description: "Into the slot that is named, or the first that is free. The key is in this answer and nowhere else.",
  access: "consumers.write",
  params: z.object({ subscription: z.string().max(100) }),
  body: z.strictObject({ slot: z.enum(keySlots).optional(), expiresAt: expirySchema.optional() }),
  isBodyOptional: true,
  answers: { 201: { description: "Issued; the key is shown this once.", schema: newKeySchema } },
  refusals: [404, 409, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const subscription = await findSubscription(change.trx, call.params.subscription);
      if (subscription === undefined) throw notFound("subscription", call.params.subscription);
      if (subscription.state === "ended" || subscription.state === "rejected") {
        throw refuse("state.conflict", `The subscription is ${subscription.state}; it takes no keys.`);
      }
      const nowMs = change.at.getTime();
      const valid = await validKeys(change.trx, subscription.id, nowMs);
      const free = keySlots.find((slot) => !valid.some((key) => key.slot === slot && key.expiresAt === undefined));
      const slot = call.body.slot ?? free;
      if (slot === undefined || valid.some((key) => key.slot === slot && key.expiresAt === undefined)) {
        throw refuse(
          "state.conflict",
          `${slot === undefined ? "Both slots hold" : `The slot ${slot} holds`} a key. Rotate or revoke it, or use the other slot.`,
        );
      }
      if (valid.length >= validKeysMax)
        throw refuse("state.conflict", `The subscription has ${validKeysMax} valid keys already.`);
      const expiresAt = call.body.expiresAt === undefined ? undefined : new Date(call.body.expiresAt);
      const issued = await issue(change, subscription.id, slot, expiresAt);
      change.audit({ target: `key/${issued.row.id}`, after: keyView(issued.row, nowMs) });
      return { status: 201, json: { ...keyView(issued.row, nowMs), key: issued.key } };
    }),
});

/** Issues a new key in the other slot; the old one stays valid until its grace has passed. */
export const rotateKey: Operation = defineOperation({
  id: "rotateKey",
  method: "POST",
  path: "/keys/{key}:rotate",
  tag: "Consumers",
  summary: "Replace a key by a new one",
  description:
    "The new key goes into the other slot, and what was there ends. The old key stays valid for `grace` (24h unless told; `0` ends it at once).",
  access: "consumers.write",
  params: keyParamsSchema,
  body: z.strictObject({ grace: durationSchema.optional(), expiresAt: expirySchema.optional() }),
  isBodyOptional: true,
  answers: {
    201: {
      description: "The new key, shown this once; `replaces` is the old one.",
      schema: newKeySchema.extend({ replaces: keySchema }),
    },
  },
  refusals: [404, 409, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const old = await findKey(change.trx, call.params.key);
      if (old === undefined) throw notFound("key", call.params.key);
      const nowMs = change.at.getTime();
      const state = stateOf(old, nowMs);
      if (state !== "active") throw refuse("state.conflict", `The key is ${state}; issue a new one instead.`);
      const subscription = await findSubscription(change.trx, old.subscriptionId);
      if (subscription === undefined || subscription.state === "ended" || subscription.state === "rejected") {
        throw refuse("state.conflict", "The key's subscription has ended.");
      }
      const slot = otherSlot(old.slot);
      for (const key of await validKeys(change.trx, old.subscriptionId, nowMs)) {
        if (key.slot === slot) await end(change, key);
      }
      const replaced = await endAfter(change, old, durationMs(call.body.grace ?? "24h") ?? 0);
      const expiresAt = call.body.expiresAt === undefined ? undefined : new Date(call.body.expiresAt);
      const issued = await issue(change, old.subscriptionId, slot, expiresAt);
      const [view, replaces] = [keyView(issued.row, nowMs), keyView(replaced, nowMs)];
      change.audit({
        target: `key/${old.id}`,
        before: keyView(old, nowMs),
        after: { ...replaces, replacedBy: issued.row.id },
      });
      change.audit({ target: `key/${issued.row.id}`, after: { ...view, replaces: old.id } });
      return { status: 201, json: { ...view, key: issued.key, replaces } };
    }),
});

/** Sets or removes the time at which a key ends. */
export const patchKey: Operation = defineOperation({
  id: "patchKey",
  method: "PATCH",
  path: "/keys/{key}",
  tag: "Consumers",
  summary: "Change when a key ends",
  description: "`expiresAt: null` lets it live on, also one whose grace runs out after a rotation.",
  access: "consumers.write",
  params: keyParamsSchema,
  body: z.strictObject({ expiresAt: expirySchema.nullable() }),
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: keySchema } },
  refusals: [404, 409, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const row = await findKey(change.trx, call.params.key);
      if (row === undefined) throw notFound("key", call.params.key);
      const nowMs = change.at.getTime();
      call.match(keyView(row, nowMs));
      if (row.revokedAt !== undefined) throw refuse("state.conflict", "The key is revoked; issue a new one instead.");
      const { expiresAt } = call.body;
      const after = {
        ...row,
        expiresAt: expiresAt === null ? undefined : new Date(expiresAt),
        changedRevision: change.revision,
      };
      await updateKey(change.trx, after);
      change.touchAccess();
      change.audit({ target: `key/${row.id}`, before: keyView(row, nowMs), after: keyView(after, nowMs) });
      return { status: 200, json: keyView(after, nowMs) };
    }),
});

/** Ends a key at once. */
export const deleteKey: Operation = defineOperation({
  id: "deleteKey",
  method: "DELETE",
  path: "/keys/{key}",
  tag: "Consumers",
  summary: "Revoke a key",
  description: "Gateways refuse it as soon as the revision reaches them.",
  access: "consumers.write",
  params: keyParamsSchema,
  answers: { 204: { description: "Revoked." } },
  refusals: [404],
  run: (call) =>
    call.change(async (change) => {
      const row = await findKey(change.trx, call.params.key);
      if (row === undefined) throw notFound("key", call.params.key);
      if (row.revokedAt !== undefined) return { status: 204 };
      const nowMs = change.at.getTime();
      const after = await end(change, row);
      change.audit({ target: `key/${row.id}`, before: keyView(row, nowMs), after: keyView(after, nowMs) });
      return { status: 204 };
    }),
});

const validKeys = async (trx: Transaction<Tables>, subscriptionId: string, nowMs: number): Promise<StoredKey[]> => {
  const rows = await listRows(trx, { after: undefined, limit: 500, subscriptionId });
  return rows.filter((row) => stateOf(row, nowMs) === "active");
};

const otherSlot = (slot: KeySlot): KeySlot => (slot === "primary" ? "secondary" : "primary");

const issue = async (
  change: Change,
  subscriptionId: string,
  slot: KeySlot,
  expiresAt: Date | undefined,
): Promise<{ readonly key: string; readonly row: StoredKey }> => {
  const key = newApiKey();
  const row: StoredKey = {
    id: uuidv7(change.at.getTime()),
    subscriptionId,
    slot,
    prefix: apiKeyPrefix(key),
    digest: apiKeyDigest(key),
    createdAt: change.at,
    expiresAt,
    revokedAt: undefined,
    lastUsedAt: undefined,
    changedRevision: change.revision,
  };
  await insertKey(change.trx, row);
  change.touchAccess();
  return { key, row };
};

const end = async (change: Change, row: StoredKey): Promise<StoredKey> => {
  const after = { ...row, revokedAt: change.at, changedRevision: change.revision };
  await updateKey(change.trx, after);
  change.touchAccess();
  return after;
};

const endAfter = async (change: Change, row: StoredKey, graceMs: number): Promise<StoredKey> => {
  if (graceMs === 0) return end(change, row);
  const graceEnds = new Date(change.at.getTime() + graceMs);
  // A key that ends anyway does not live longer by being rotated.
  const expiresAt = row.expiresAt !== undefined && row.expiresAt < graceEnds ? row.expiresAt : graceEnds;
  const after = { ...row, expiresAt, changedRevision: change.revision };
  await updateKey(change.trx, after);
  change.touchAccess();
  return after;
};
