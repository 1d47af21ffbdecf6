import { z } from "zod";
import { durationMs } from "../../base/duration.ts";
import { type KeySlot, keySlots } from "../../model/consumer.ts";
import { durationSchema } from "../../model/names.ts";
import { findKey, listKeys as listRows, type StoredKey, updateKey } from "../../store/repositories/api-keys.ts";
import { findSubscription } from "../../store/repositories/subscriptions.ts";
import type { Change } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { keySchema, keyView, newKeySchema, stateOf } from "./key-view.ts";
import { endKey, endKeyAfter, freeSlot, issueKey, makeKey, validKeys } from "./key-writes.ts";

const keyParamsSchema = z.object({ key: z.string().max(100) });
const expirySchema = z.iso.datetime({ offset: true });

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
      const { row, key } = await issueKey(change, subscription.id, call.body);
      return { status: 201, json: { ...keyView(row, change.at.getTime()), key } };
    }),
});

/** Issues a new key in the place of an old one, which stays valid until its grace has passed. The other slot is left alone. */
export const rotateKey: Operation = defineOperation({
  id: "rotateKey",
  method: "POST",
  path: "/keys/{key}:rotate",
  tag: "Consumers",
  summary: "Replace a key by a new one",
  description:
    "The new key takes the old one's slot; a key in the other slot is left alone. The old key stays valid for `grace` (24h unless told; `0` ends it at once).",
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
      if (old.replacedBy !== undefined) {
        throw refuse(
          "state.conflict",
          `The key ${old.replacedBy} replaced this one already, and this one ends with its grace. Rotate that one.`,
        );
      }
      const valid = await validKeys(change.trx, old.subscriptionId, nowMs);
      const slot = freeSlot(
        valid.filter((key) => key.id !== old.id),
        [old.slot, otherSlot(old.slot)],
      );
      if (slot === undefined) throw refuse("state.conflict", "Both slots hold other keys. Revoke one of them first.");
      const expiresAt = call.body.expiresAt === undefined ? undefined : new Date(call.body.expiresAt);
      const issued = await makeKey(change, old.subscriptionId, slot, expiresAt);
      const graceMs = durationMs(call.body.grace ?? "24h") ?? 0;
      const replaced = await endKeyAfter(change, { ...old, replacedBy: issued.row.id }, graceMs);
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
  description:
    "`expiresAt: null` lets it live on, also one whose grace runs out after a rotation: it then needs a slot that holds no other key.",
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
        ...(expiresAt === null ? await lasting(change, row) : { ...row, expiresAt: new Date(expiresAt) }),
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
      const after = await endKey(change, row);
      change.audit({ target: `key/${row.id}`, before: keyView(row, nowMs), after: keyView(after, nowMs) });
      return { status: 204 };
    }),
});

const otherSlot = (slot: KeySlot): KeySlot => (slot === "primary" ? "secondary" : "primary");

/** The key as one that does not end by itself: in its own slot, or in the other where that is free. */
const lasting = async (change: Change, row: StoredKey): Promise<StoredKey> => {
  const others = (await validKeys(change.trx, row.subscriptionId, change.at.getTime())).filter(
    (key) => key.id !== row.id,
  );
  const slot = freeSlot(others, [row.slot, otherSlot(row.slot)]);
  if (slot === undefined) throw refuse("state.conflict", "Both slots hold other keys. Revoke one of them first.");
  return { ...row, slot, expiresAt: undefined, replacedBy: undefined };
};
