import { z } from "zod";
import {
  type CacheRequest,
  cacheRequestOf,
  type Keeping,
  keepingOf,
  mayServeOnError,
  usageOf,
} from "../exchange/cache-decisions.ts";
import type { BesideReply, Exchange, ExchangeReply } from "../exchange/exchange.ts";
import { type Headers, plainHeaders } from "../exchange/headers.ts";
import { definePolicy, type Policy, type PolicyTools, type Value } from "../exchange/policy.ts";
import { booleanValue, durationAttribute, oneOrMany, textValue } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";
import type { Reply } from "../exchange/reply.ts";
import { type ReplyStore, replyStore } from "../exchange/reply-store.ts";
import { ageSeconds, freshened, replyFromStore, type StoredReply } from "../exchange/stored-reply.ts";

const schema = z.strictObject({
  ttl: durationAttribute.optional(),
  override: z.boolean().default(false),
  key: oneOrMany(textValue, 10).optional(),
  tags: oneOrMany(textValue, 20).optional(),
  "stale-while-revalidate": durationAttribute.optional(),
  "stale-if-error": durationAttribute.optional(),
  "max-size": z
    .int()
    .min(1)
    .max(8 * 1024 * 1024)
    .default(1024 * 1024),
  collapse: z.boolean().default(true),
  "request-directives": booleanValue.default(true),
});

/** Bodies up to this size are held before they are sent on, so that they keep their length. */
const heldBytesMax = 256 * 1024;
/** Calls that wait for one that is under way, and for how long. */
const followersMax = 1_000;
const followMsMax = 10_000;
const refreshMsMax = 30_000;
const tagFields = ["cache-tag", "surrogate-key"] as const;

/** A shared HTTP cache; see docs. */
export const cache: Policy = definePolicy({
  name: "cache",
  group: "caching",
  summary: "Answers from earlier replies, as a shared HTTP cache (RFC 9111).",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`ttl\` | none | how long replies are fresh that say nothing of it themselves |
| \`override\` | false | \`ttl\` counts for every reply, also one that says \`no-store\`, \`private\`, \`Set-Cookie\`, or that was asked for with \`Authorization\` |
| \`key\` | none | values that separate replies beside the URL and \`Vary\`: \`=caller.subscription\`; literal or expression, or a list |
| \`tags\` | none | names under which replies can be purged; literal or expression, or a list. \`Cache-Tag\` and \`Surrogate-Key\` of replies count too |
| \`stale-while-revalidate\` | the reply's | how long a reply that is no longer fresh is still answered while the backend is asked anew (RFC 5861) |
| \`stale-if-error\` | the reply's | how long it stands in where the backend fails or answers 5xx (RFC 5861) |
| \`max-size\` | 1 MiB | bytes of the largest body that is kept |
| \`collapse\` | true | of several calls that miss at once in a thread one goes to the backend, the others wait for its reply |
| \`request-directives\` | true | \`Cache-Control\` of requests counts (\`no-cache\`, \`max-age\`, \`only-if-cached\`, ...); literal or expression |

Put it at the API: GET and HEAD are answered from the store, replies to all other methods that succeed make the stored reply of their URL invalid (and those of \`Location\` and \`Content-Location\`). What
decides about the caller (\`key-auth\`, limits, \`authorize\`) must stand before it; what stands behind it in inbound does not run on a hit, nor does outbound: the reply is kept as outbound left it. Callers of
one API share replies; where they must not, separate them with \`key\`.

Conditional requests are answered with 304, a \`Range\` of one range with 206. A stored reply that is no longer fresh is confirmed at the backend with its \`ETag\` or \`Last-Modified\`. \`Age\` and \`Cache-Status\`
(RFC 9211) tell what happened. The store is in memory, shared by all threads of a gateway, bounded; a restart empties it.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "Half a minute where the backend says nothing", config: { ttl: "30s" } },
    {
      title: "By subscription, and old rather than an error",
      config: { ttl: "5m", key: "=caller.subscription", "stale-if-error": "1h", tags: ["catalogue"] },
    },
  ],
  build: (config, tools) => {
    const built = {
      rules: {
        ttl: secondsOf(config.ttl),
        isForced: config.override,
        whileRevalidate: secondsOf(config["stale-while-revalidate"]),
        ifError: secondsOf(config["stale-if-error"]),
      },
      key: (config.key ?? []).map((value, index) => tools.value(value, "string", `.key[${index}]`)),
      tags: (config.tags ?? []).map((value, index) => tools.value(value, "string", `.tags[${index}]`)),
      isHonoured: tools.value(config["request-directives"], "boolean", ".request-directives"),
      bytesMax: config["max-size"],
      collapses: config.collapse,
    };
    if (config.override && config.ttl === undefined) tools.mistake(".ttl", "`override` needs `ttl`");
    const flights = tools.shared(`cache ${tools.at}`, (): Flights => ({ running: new Map(), refreshing: new Set() }));
    const caching: Caching = { ...built, tools, store: replyStore(tools.store), flights };
    return (x) => stepOf(caching, x);
  },
});

const secondsOf = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);

interface Flights {
  readonly running: Map<string, Flight>;
  readonly refreshing: Set<string>;
  dispose?(): void;
}

/** A call that went to the backend, and those that wait for what it brings. */
interface Flight {
  readonly landed: PromiseWithResolvers<void>;
  followers: number;
}

interface Caching {
  readonly rules: {
    readonly ttl: number | undefined;
    readonly isForced: boolean;
    readonly whileRevalidate: number | undefined;
    readonly ifError: number | undefined;
  };
  readonly key: readonly Value<string>[];
  readonly tags: readonly Value<string>[];
  readonly isHonoured: Value<boolean>;
  readonly bytesMax: number;
  readonly collapses: boolean;
  readonly tools: PolicyTools;
  readonly store: ReplyStore;
  readonly flights: Flights;
}

/** One call's way past the cache. */
interface Passing {
  readonly x: Exchange;
  readonly key: string;
  readonly request: CacheRequest;
  readonly requestedAtMs: number;
  /** What the reply varies by is compared with these: the fields as the client sent them. */
  readonly asked: Headers;
  land(): void;
}

const stepOf = (caching: Caching, x: Exchange): Reply | undefined | Promise<Reply | undefined> => {
  const { method, headers } = x.request;
  if (headers.has("upgrade")) return undefined;
  if (method !== "GET" && method !== "HEAD") {
    if (!isSafe(method)) x.onReply("cache", () => invalidate(caching, x));
    return undefined;
  }
  const key = keyOf(caching, x, x.request.path, x.request.query);
  const request = cacheRequestOf(headers, caching.isHonoured.of(x));
  const passing: Passing = {
    x,
    key,
    request,
    requestedAtMs: caching.tools.clock.nowMs(),
    asked: plainHeaders(headers.entries()),
    land: () => {},
  };
  const known = lookUp(caching, passing);
  if (known.reply !== undefined) return known.reply;
  if (request.directives.has("only-if-cached")) return refuse("cache.not_stored");
  const flight = caching.flights.running.get(key);
  if (flight !== undefined && flight.followers < followersMax && !headers.has("range"))
    return follow(caching, passing, flight);
  return goOn(caching, passing, known.stored, flight === undefined);
};

const isSafe = (method: string): boolean => method === "OPTIONS" || method === "TRACE";

const keyOf = (caching: Caching, x: Exchange, path: string, query: string): string => {
  const { api, version } = x.route;
  const own = caching.key.map((value) => value.of(x));
  return JSON.stringify([api, version, x.request.host, path, query, ...own]);
};

interface Known {
  readonly reply?: Reply;
  readonly stored?: StoredReply;
}

/** The reply from the store, if it may be used; else what there is to be confirmed. */
const lookUp = (caching: Caching, passing: Passing): Known => {
  const { x, key, request, asked } = passing;
  const nowMs = caching.tools.clock.nowMs();
  const stored = caching.store.find(key, asked, nowMs);
  if (stored === undefined) return {};
  const usage = usageOf(stored, request, caching.rules, nowMs);
  if (usage === "revalidate") return { stored };
  if (usage === "stale") refresh(caching, passing, stored);
  const ttl = Math.floor(stored.freshSeconds - ageSeconds(stored, nowMs));
  x.record?.note("cache", usage === "fresh" ? "hit" : "stale while revalidate");
  return { reply: fromStore(passing, stored, nowMs, `hit; ttl=${ttl}`) };
};

const fromStore = ({ x, asked }: Passing, stored: StoredReply, nowMs: number, how: string): Reply =>
  replyFromStore(stored, { method: x.request.method, headers: asked }, nowMs, `portico; ${how}`);

/** Waits for a call that is under way, then looks again; what it still does not find it fetches itself. */
const follow = async (caching: Caching, passing: Passing, flight: Flight): Promise<Reply | undefined> => {
  flight.followers += 1;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, followMsMax);
  });
  await Promise.race([flight.landed.promise, late]);
  clearTimeout(timer);
  const known = lookUp(caching, passing);
  if (known.reply !== undefined) return known.reply;
  return goOn(caching, passing, known.stored, false);
};

/** Lets the call go to the backend and waits for its reply. */
const goOn = (caching: Caching, passing: Passing, stored: StoredReply | undefined, mayLead: boolean): undefined => {
  const { x, key } = passing;
  const { headers } = x.request;
  const nowMs = caching.tools.clock.nowMs();
  const whole = mayLead && caching.collapses && x.request.method === "GET" && !headers.has("range");
  const leading: Passing = whole ? { ...passing, land: take(caching.flights, x, key) } : passing;
  if (stored !== undefined && x.request.method === "GET" && !headers.has("range")) confirm(headers, stored);
  if (stored !== undefined && mayServeOnError(stored, caching.rules, nowMs)) {
    x.onBackendFault(() => {
      leading.land();
      return fromStore(leading, stored, caching.tools.clock.nowMs(), "hit; detail=stale-if-error");
    });
  }
  x.onReply("cache", () => replied(caching, leading, stored));
  x.record?.note("cache", stored === undefined ? "miss" : "stale");
  return undefined;
};

const take = (flights: Flights, x: Exchange, key: string): (() => void) => {
  const flight: Flight = { landed: Promise.withResolvers(), followers: 0 };
  flights.running.set(key, flight);
  const land = (): void => {
    if (flights.running.get(key) === flight) flights.running.delete(key);
    flight.landed.resolve();
  };
  x.onDone(land);
  return land;
};

/** RFC 9111 section 4.3.1: the stored validators instead of the client's. */
const confirm = (headers: Headers, stored: StoredReply): void => {
  const held = plainHeaders(stored.headers);
  const tag = held.get("etag");
  const changed = held.get("last-modified");
  if (tag === undefined && changed === undefined) return;
  for (const name of ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since"]) headers.delete(name);
  if (tag !== undefined) headers.set("if-none-match", tag);
  if (changed !== undefined) headers.set("if-modified-since", changed);
};

const replied = async (
  caching: Caching,
  passing: Passing,
  stored: StoredReply | undefined,
): Promise<Reply | undefined> => {
  const { x } = passing;
  const { reply } = x;
  if (reply === null) return undefined;
  const nowMs = caching.tools.clock.nowMs();
  if (stored !== undefined && reply.status === 304 && isConfirmed(x.request.headers, stored)) {
    const newer = confirmed(caching, passing, stored, reply);
    passing.land();
    return fromStore(passing, newer, nowMs, "fwd=stale; fwd-status=304");
  }
  if (stored !== undefined && reply.status >= 500 && mayServeOnError(stored, caching.rules, nowMs)) {
    passing.land();
    return fromStore(passing, stored, nowMs, `fwd=stale; fwd-status=${reply.status}; detail=stale-if-error`);
  }
  const how = stored === undefined ? "uri-miss" : "stale";
  const isKept = await keep(caching, passing, reply);
  const status = `portico; fwd=${how}${isKept ? "; stored" : ""}`;
  reply.headers.set("cache-status", [...reply.headers.getAll("cache-status"), status].join(", "));
  return undefined;
};

/** Our validators were asked for: a 304 to the client's own is the client's. */
const isConfirmed = (sent: Headers, stored: StoredReply): boolean => {
  const held = plainHeaders(stored.headers);
  const tag = held.get("etag");
  return tag === undefined
    ? sent.get("if-modified-since") === held.get("last-modified") && held.has("last-modified")
    : sent.get("if-none-match") === tag;
};

/** RFC 9111 section 4.3.4: the 304 makes the stored reply fresh again. */
const confirmed = (
  caching: Caching,
  passing: Passing,
  stored: StoredReply,
  reply: { readonly headers: Headers },
): StoredReply => {
  const nowMs = caching.tools.clock.nowMs();
  const headers = plainHeaders(freshened(stored, reply.headers));
  if (!reply.headers.has("date")) headers.set("date", new Date(nowMs).toUTCString());
  const keeping = keepingOf({ status: stored.status, reason: stored.reason, headers }, passing.request, caching.rules, {
    requestedAtMs: passing.requestedAtMs,
    nowMs,
  });
  if (keeping === undefined) {
    caching.store.forget(passing.key);
    return { ...stored, headers: headers.entries() };
  }
  const newer: StoredReply = { ...keeping.head, body: stored.body, tags: stored.tags };
  caching.store.keep(passing.key, keeping.vary, passing.asked, newer, keeping.untilMs, nowMs);
  return newer;
};

/** Keeps the reply if it may be: at once where it is small and its length known, else when its last byte has passed. */
const keep = async (caching: Caching, passing: Passing, reply: ExchangeReply): Promise<boolean> => {
  const { x } = passing;
  const keeping =
    x.request.method === "GET"
      ? keepingOf(reply, passing.request, caching.rules, {
          requestedAtMs: passing.requestedAtMs,
          nowMs: caching.tools.clock.nowMs(),
        })
      : undefined;
  const { length } = reply.body;
  if (keeping === undefined || (length ?? 0) > caching.bytesMax) {
    if (keeping === undefined && reply.status < 400 && x.request.method === "GET") caching.store.forget(passing.key);
    passing.land();
    return false;
  }
  const tags = tagsOf(caching, x, reply.headers);
  const store = (body: Uint8Array): boolean => {
    const isKept = caching.store.keep(
      passing.key,
      keeping.vary,
      passing.asked,
      { ...keeping.head, body, tags },
      keeping.untilMs,
      caching.tools.clock.nowMs(),
    );
    passing.land();
    return isKept;
  };
  if (length !== undefined && length <= heldBytesMax) return store(await reply.body.read(heldBytesMax));
  reply.body.replace(passingBy(reply.body.stream(), caching.bytesMax, store));
  return true;
};

/** The bytes as they pass; those who keep them get them all when the last one has. */
async function* passingBy(
  bytes: AsyncIterable<Uint8Array>,
  bytesMax: number,
  store: (body: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] | null = [];
  let length = 0;
  for await (const part of bytes) {
    length += part.byteLength;
    if (length > bytesMax) parts = null;
    parts?.push(part);
    yield part;
  }
  if (parts !== null) store(Buffer.concat(parts));
}

const tagsOf = (caching: Caching, x: Exchange, headers: Headers): readonly string[] => [
  ...caching.tags.map((value) => value.of(x)),
  ...tagFields
    .flatMap((name) => headers.getAll(name))
    .flatMap((field) => field.split(/[\s,]+/).filter((tag) => tag !== "")),
];

/** Asks the backend anew beside the call that is answered with the old reply; one at a time for a URL. */
const refresh = (caching: Caching, passing: Passing, stored: StoredReply): void => {
  const { refreshing } = caching.flights;
  const { x, key } = passing;
  if (refreshing.has(key)) return;
  refreshing.add(key);
  confirm(x.request.headers, stored);
  x.askBeside({ timeoutMs: refreshMsMax, bytesMax: caching.bytesMax }, (reply) => {
    refreshing.delete(key);
    if (reply !== null) refreshed(caching, passing, stored, reply);
  });
};

const refreshed = (caching: Caching, passing: Passing, stored: StoredReply, reply: BesideReply): void => {
  const nowMs = caching.tools.clock.nowMs();
  if (reply.status === 304) {
    confirmed(caching, passing, stored, reply);
    return;
  }
  if (reply.status >= 500) return;
  const message = { status: reply.status, reason: "", headers: reply.headers };
  const keeping: Keeping | undefined = keepingOf(message, passing.request, caching.rules, {
    requestedAtMs: passing.requestedAtMs,
    nowMs,
  });
  if (keeping === undefined) {
    caching.store.forget(passing.key);
    return;
  }
  const tags = tagsOf(caching, passing.x, reply.headers);
  const newer = { ...keeping.head, body: reply.body, tags };
  caching.store.keep(passing.key, keeping.vary, passing.asked, newer, keeping.untilMs, nowMs);
};

/** RFC 9111 section 4.4: an unsafe method that succeeded changes what its URLs mean. */
const invalidate = (caching: Caching, x: Exchange): undefined => {
  const { reply, request } = x;
  if (reply === null || reply.status >= 400) return undefined;
  const base = `${request.scheme}://${request.host}`;
  const own = URL.parse(`${base}${request.originalTarget.startsWith("/") ? request.originalTarget : request.path}`);
  caching.store.forget(keyOf(caching, x, request.path, request.query));
  for (const name of ["location", "content-location"]) {
    const url = URL.parse(reply.headers.get(name) ?? "", own?.href);
    // Section 4.4: only of the same origin, so that nobody empties another's cache.
    if (url !== null && url.host === request.host) {
      caching.store.forget(keyOf(caching, x, url.pathname, url.search.slice(1)));
    }
  }
  return undefined;
};
