import { randomBytes } from "node:crypto";
import type { Headers } from "./headers.ts";
import type { SharedStore } from "./shared-store.ts";
import { decodeStored, encodeStored, type StoredReply } from "./stored-reply.ts";

/** What is kept under a URL itself: which request fields choose among its replies (RFC 9111 section 4.1). */
interface Marker {
  readonly vary: readonly string[];
  /** Part of the replies' keys: a new marker makes all older replies unreachable. */
  readonly generation: string;
}

const varyFieldsMax = 16;

/** The replies of a cache, by URL and by what they vary by. */
export interface ReplyStore {
  find(key: string, asked: Headers, nowMs: number): StoredReply | undefined;
  /** False where it cannot be kept: too large, too many fields to vary by. */
  keep(
    key: string,
    vary: readonly string[],
    asked: Headers,
    reply: StoredReply,
    untilMs: number,
    nowMs: number,
  ): boolean;
  /** Forgets every reply of the URL. */
  forget(key: string): void;
}

/** Replies in a shared store. */
export const replyStore = (store: SharedStore): ReplyStore => {
  const markerOf = (key: string, nowMs: number): Marker | undefined => {
    const bytes = store.get(`m ${key}`, nowMs);
    // Only this file writes these bytes.
    return bytes && (JSON.parse(Buffer.from(bytes).toString("utf8")) as Marker);
  };
  return {
    find: (key, asked, nowMs) => {
      const marker = markerOf(key, nowMs);
      const bytes = marker && store.get(variantKey(key, marker, asked), nowMs);
      if (bytes === undefined) return undefined;
      const reply = decodeStored(bytes);
      return reply.tags.some((tag) => store.purgedAtMs(tag) >= reply.receivedAtMs) ? undefined : reply;
    },
    keep: (key, vary, asked, reply, untilMs, nowMs) => {
      const bytes = encodeStored(reply);
      if (vary.length > varyFieldsMax || bytes.length > store.valueBytesMax) return false;
      const names = [...new Set(vary.map((name) => name.toLowerCase()))].sort();
      const known = markerOf(key, nowMs);
      const isSame = known !== undefined && known.vary.join() === names.join();
      const marker = isSame ? known : { vary: names, generation: randomBytes(6).toString("base64") };
      return (
        store.set(`m ${key}`, Buffer.from(JSON.stringify(marker)), untilMs, nowMs) &&
        store.set(variantKey(key, marker, asked), bytes, untilMs, nowMs)
      );
    },
    forget: (key) => void store.delete(`m ${key}`),
  };
};

/** Fields compare without regard to the whitespace around their list members (section 4.1). */
const variantKey = (key: string, { vary, generation }: Marker, asked: Headers): string =>
  `r ${key}\n${generation}${vary.map((name) => `\n${name}: ${fieldValue(asked, name)}`).join("")}`;

const fieldValue = (asked: Headers, name: string): string =>
  asked
    .getAll(name)
    .flatMap((field) => field.split(","))
    .map((member) => member.trim())
    .join(",");
