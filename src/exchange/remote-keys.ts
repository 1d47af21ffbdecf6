import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { FetchedReply, FetchOptions } from "./policy.ts";
import { parseJwk, type VerificationKey } from "./signing-keys.ts";

/** Keys of an issuer, as they were fetched last. */
export interface FetchedKeys {
  readonly keys: readonly VerificationKey[];
  /** The issuer that the discovery document names; undefined where only keys were fetched. */
  readonly issuer: string | undefined;
  /** Rises whenever other keys were fetched, so that what was verified with older ones is verified anew. */
  readonly generation: number;
}

/** Keys behind a URL, fetched when first needed, hourly after that, and when a token names a key that is not there. */
export interface RemoteKeys {
  /** What is known now, without waiting; starts a refresh in the background where it is due. */
  current(): FetchedKeys | undefined;
  /** Waits for the first fetch; undefined where there are no keys to be had. */
  load(): Promise<FetchedKeys | undefined>;
  /** Fetches again because a key is missing, at most once in five minutes; answers what is known then. */
  reload(): Promise<FetchedKeys | undefined>;
}

/** What fetching keys needs. */
export interface RemoteKeyTools {
  readonly clock: Clock;
  readonly log: Log;
  fetch(url: string, options: FetchOptions): Promise<FetchedReply>;
}

const remoteKeyLimits = {
  refreshMs: 3_600_000,
  /** Unknown keys make us fetch no more often than this: else any caller could make us call the issuer at will. */
  unknownKeyMsMin: 300_000,
  /** After a failure; keys that are there stay in use. */
  retryMs: 10_000,
  /** Keys that could not be refreshed for so long are given up: the issuer may have revoked them. */
  staleMsMax: 86_400_000,
  timeoutMs: 5_000,
  bytesMax: 524_288,
  keysMax: 100,
} as const;

/** Keys behind a JWKS URL, or behind an OpenID discovery document that names one. */
export const remoteKeys = (url: string, kind: "jwks" | "openid", tools: RemoteKeyTools): RemoteKeys => {
  const limits = remoteKeyLimits;
  const longAgo = Number.NEGATIVE_INFINITY;
  let known: FetchedKeys | undefined;
  let fetchedAtMs = longAgo;
  let failedAtMs = longAgo;
  let missedAtMs = longAgo;
  let pending: Promise<void> | undefined;
  let fingerprint = "";

  const refresh = (): Promise<void> => {
    pending ??= fetchKeys(url, kind, tools)
      .then(
        (fetched) => {
          fetchedAtMs = tools.clock.monotonicMs();
          failedAtMs = longAgo;
          const isOther = fetched.fingerprint !== fingerprint;
          fingerprint = fetched.fingerprint;
          if (isOther || !known)
            known = { keys: fetched.keys, issuer: fetched.issuer, generation: (known?.generation ?? 0) + 1 };
        },
        (thrown: unknown) => {
          failedAtMs = tools.clock.monotonicMs();
          tools.log.warn("signing keys could not be fetched", { url, error: messageOf(thrown) });
        },
      )
      .finally(() => {
        pending = undefined;
      });
    return pending;
  };
  const mayTry = (nowMs: number): boolean => nowMs - failedAtMs >= limits.retryMs;
  const current = (): FetchedKeys | undefined => {
    const nowMs = tools.clock.monotonicMs();
    const ageMs = nowMs - fetchedAtMs;
    if (known && ageMs >= limits.refreshMs && mayTry(nowMs)) void refresh();
    return ageMs < limits.staleMsMax ? known : undefined;
  };
  return {
    current,
    load: async () => {
      if (!current()) {
        if (pending !== undefined || mayTry(tools.clock.monotonicMs())) await refresh();
      }
      return current();
    },
    reload: async () => {
      const nowMs = tools.clock.monotonicMs();
      const isFresh = nowMs - fetchedAtMs < limits.retryMs;
      if (pending !== undefined) await pending;
      else if (!isFresh && nowMs - missedAtMs >= limits.unknownKeyMsMin && mayTry(nowMs)) {
        missedAtMs = nowMs;
        await refresh();
      }
      return current();
    },
  };
};

const fetchKeys = async (
  url: string,
  kind: "jwks" | "openid",
  tools: RemoteKeyTools,
): Promise<{ keys: readonly VerificationKey[]; issuer: string | undefined; fingerprint: string }> => {
  let keysUrl = url;
  let issuer: string | undefined;
  if (kind === "openid") {
    const document = await fetchJson(url, tools);
    keysUrl = urlIn(document, "jwks_uri", url);
    if (typeof document.issuer !== "string") throw new TypeError("the discovery document names no issuer");
    issuer = document.issuer;
  }
  const set = await fetchJson(keysUrl, tools);
  if (!Array.isArray(set.keys)) throw new TypeError("no `keys` in the key set");
  const keys: VerificationKey[] = [];
  for (const jwk of set.keys.slice(0, remoteKeyLimits.keysMax)) {
    // A set may hold keys for other purposes and of kinds that are not known here: RFC 7517 section 5 says to ignore them.
    const key = isObject(jwk) ? parseJwk(jwk, false) : "";
    if (typeof key !== "string") keys.push(key);
  }
  if (keys.length === 0) throw new TypeError("no usable key in the key set");
  return { keys, issuer, fingerprint: JSON.stringify([issuer, set.keys]) };
};

const fetchJson = async (url: string, tools: RemoteKeyTools): Promise<Readonly<Record<string, unknown>>> => {
  const { timeoutMs, bytesMax } = remoteKeyLimits;
  const reply = await tools.fetch(url, { timeoutMs, bytesMax, headers: { accept: "application/json" } });
  if (reply.status !== 200) throw new TypeError(`status ${reply.status}`);
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(reply.body));
  if (!isObject(value)) throw new TypeError("not a JSON object");
  return value;
};

/** The URL in a member. One fetched over TLS must not lead to one without. */
const urlIn = (document: Readonly<Record<string, unknown>>, member: string, from: string): string => {
  const value = document[member];
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && new URL(from).protocol === "http:");
  if (!url || !isSafe) throw new TypeError(`no usable ${member} in the discovery document`);
  return url.href;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);
