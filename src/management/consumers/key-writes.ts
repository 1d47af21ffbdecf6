import type { Transaction } from "kysely";
import { uuidv7 } from "../../base/ids.ts";
import { apiKeyDigest, apiKeyPrefix, newApiKey } from "../../model/api-key.ts";
import { type KeySlot, keySlots } from "../../model/consumer.ts";
import { insertKey, listKeys, type StoredKey, updateKey } from "../../store/repositories/api-keys.ts";
import type { Tables } from "../../store/schema.ts";
import type { Change } from "../change.ts";
import { refuse } from "../refuse.ts";
import { keyView, stateOf } from "./key-view.ts";

/** A key with the text that is shown once. */
export interface IssuedKey {
  readonly key: string;
  readonly row: StoredKey;
}

/** Keys that one subscription may hold at a time: one in each slot, and those whose grace runs out. */
const validKeysMax = 10;

/** Issues a key into the slot that is named, or the first free one. Refuses where there is none. */
export const issueKey = async (
  change: Change,
  subscriptionId: string,
  wanted: { readonly slot?: KeySlot | undefined; readonly expiresAt?: string | undefined },
): Promise<IssuedKey> => {
  const nowMs = change.at.getTime();
  const valid = await validKeys(change.trx, subscriptionId, nowMs);
  const slot = freeSlot(valid, wanted.slot === undefined ? keySlots : [wanted.slot]);
  if (slot === undefined) {
    throw refuse(
      "state.conflict",
      `${wanted.slot === undefined ? "Both slots hold" : `The slot ${wanted.slot} holds`} a key. Rotate or revoke one, or use another slot or application.`,
    );
  }
  if (valid.length >= validKeysMax)
    throw refuse("state.conflict", `The subscription has ${validKeysMax} valid keys already.`);
  const expiresAt = wanted.expiresAt === undefined ? undefined : new Date(wanted.expiresAt);
  const issued = await makeKey(change, subscriptionId, slot, expiresAt);
  change.audit({ target: `key/${issued.row.id}`, after: keyView(issued.row, nowMs) });
  return issued;
};

/** The keys of a subscription that may be used. */
export const validKeys = async (
  trx: Transaction<Tables>,
  subscriptionId: string,
  nowMs: number,
): Promise<readonly StoredKey[]> => {
  const rows = await listKeys(trx, { after: undefined, limit: 500, subscriptionId });
  return rows.filter((row) => stateOf(row, nowMs) === "active");
};

/** The first of the slots in which no key lasts; one that ends by itself leaves its slot to the next. */
export const freeSlot = (valid: readonly StoredKey[], slots: readonly KeySlot[]): KeySlot | undefined =>
  slots.find((slot) => !valid.some((key) => key.slot === slot && key.expiresAt === undefined));

/** Makes and stores a key; the caller has looked whether it may. */
export const makeKey = async (
  change: Change,
  subscriptionId: string,
  slot: KeySlot,
  expiresAt: Date | undefined,
): Promise<IssuedKey> => {
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
    replacedBy: undefined,
  };
  await insertKey(change.trx, row);
  change.touchAccess();
  return { key, row };
};

/** Ends a key at once. */
export const endKey = async (change: Change, row: StoredKey): Promise<StoredKey> => {
  const after = { ...row, revokedAt: change.at, changedRevision: change.revision };
  await updateKey(change.trx, after);
  change.touchAccess();
  return after;
};

/** Lets a key end when its grace has passed. One that ends anyway does not live longer by being rotated. */
export const endKeyAfter = async (change: Change, row: StoredKey, graceMs: number): Promise<StoredKey> => {
  if (graceMs === 0) return endKey(change, row);
  const graceEnds = new Date(change.at.getTime() + graceMs);
  const expiresAt = row.expiresAt !== undefined && row.expiresAt < graceEnds ? row.expiresAt : graceEnds;
  const after = { ...row, expiresAt, changedRevision: change.revision };
  await updateKey(change.trx, after);
  change.touchAccess();
  return after;
};
