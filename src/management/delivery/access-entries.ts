import type { Kysely } from "kysely";
import type { DeliveryMessage, KeyEntry, SubscriptionEntry } from "../../model/snapshot.ts";
import { keysChangedBetween, listKeys, type StoredKey } from "../../store/repositories/api-keys.ts";
import {
  findSubscriptions,
  listSubscriptions,
  type StoredSubscription,
  subscriptionsChangedBetween,
} from "../../store/repositories/subscriptions.ts";
import type { Tables } from "../../store/schema.ts";

type AccessMessage = Extract<DeliveryMessage, { readonly type: "access" }>;

/** Entries in one message, so that a line stays small however many keys there are. */
const entriesPerMessage = 2_000;
/** Hex digits of the SHA-256 that gateways know a key by: 16 bytes. */
const digestHexLength = 32;

/**
 * Everything a gateway must know about access, in pages; the first replaces what it had. Rows that change meanwhile are
 * delivered again by the deltas that follow.
 */
export async function* wholeAccess(db: Kysely<Tables>, nowMs: number): AsyncGenerator<AccessMessage, void, void> {
  yield { type: "access", reset: true, subscriptions: [], keys: [], revoked: [] };
  for (let after: string | undefined; ; ) {
    const rows = await listSubscriptions(db, { after, limit: entriesPerMessage });
    if (rows.length > 0) yield accessMessage(rows, []);
    after = rows.at(-1)?.id;
    if (rows.length < entriesPerMessage) break;
  }
  for (let after: string | undefined; ; ) {
    const rows = await listKeys(db, { after, limit: entriesPerMessage });
    const valid = rows.filter((row) => row.expiresAt === undefined || row.expiresAt.getTime() > nowMs);
    if (valid.length > 0) yield accessMessage([], valid);
    after = rows.at(-1)?.id;
    if (rows.length < entriesPerMessage) break;
  }
}

/** What changed about access after `from` up to `to`. */
export async function* changedAccess(
  db: Kysely<Tables>,
  from: number,
  to: number,
): AsyncGenerator<AccessMessage, void, void> {
  const keys = await keysChangedBetween(db, from, to);
  const subscriptions = await subscriptionsChangedBetween(db, from, to);
  const known = new Set(subscriptions.map((row) => row.id));
  // A key never arrives without its subscription.
  const missing = [...new Set(keys.map((key) => key.subscriptionId))].filter((id) => !known.has(id));
  const all = [...subscriptions, ...(await findSubscriptions(db, missing))];
  for (let start = 0; start < all.length; start += entriesPerMessage) {
    yield accessMessage(all.slice(start, start + entriesPerMessage), []);
  }
  for (let start = 0; start < keys.length; start += entriesPerMessage) {
    yield accessMessage([], keys.slice(start, start + entriesPerMessage));
  }
}

const accessMessage = (subscriptions: readonly StoredSubscription[], keys: readonly StoredKey[]): AccessMessage => ({
  type: "access",
  reset: false,
  subscriptions: subscriptions.map(subscriptionEntry),
  keys: keys.filter((key) => key.revokedAt === undefined).map(keyEntry),
  revoked: keys.filter((key) => key.revokedAt !== undefined).map((key) => key.digest.slice(0, digestHexLength)),
});

const subscriptionEntry = (row: StoredSubscription): SubscriptionEntry => ({
  id: row.id,
  state: row.state,
  product: row.product,
  plan: row.plan,
  application: row.application,
  organization: row.organization,
});

const keyEntry = (key: StoredKey): KeyEntry => ({
  digest: key.digest.slice(0, digestHexLength),
  subscription: key.subscriptionId,
  expiresAtMs: key.expiresAt?.getTime() ?? 0,
});
