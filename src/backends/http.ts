import { z } from "zod";
import {
  type BackendKind,
  type BackendTools,
  type Balance,
  type ClusterConfig,
  defineBackend,
  type UpstreamTarget,
} from "../exchange/backend.ts";
import {
  affinitySchema,
  balanceSchema,
  breakerRuleOf,
  breakerSchema,
  budgetRuleOf,
  healthRuleOf,
  healthSchema,
  hedgeRuleOf,
  hedgeSchema,
  limitRuleOf,
  limitsSchema,
  msOf,
  outlierRuleOf,
  outlierSchema,
  retryRuleOf,
  retrySchema,
} from "../exchange/cluster-schema.ts";
import { cookieOf } from "../exchange/cookies.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { fieldValuePattern, tokenPattern } from "../exchange/headers.ts";
import { durationText } from "../exchange/policy-schema.ts";

/*
 * The same rules as the model's schema of `backends/NAME.yaml`; a test keeps them equal. This room may not import the model: a
 * backend kind is complete in its one file.
 */

const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !URL.canParse(text) || (new URL(text).username === "" && new URL(text).password === ""), {
    message: "credentials do not belong in a URL: use `credentials`",
  })
  .refine((text) => !URL.canParse(text) || (new URL(text).hash === "" && new URL(text).search === ""), {
    message: "a backend's URL has no query and no fragment",
  });

const schema = z
  .strictObject({
    kind: z.literal("http"),
    url: url.optional(),
    targets: z
      .array(
        z.strictObject({
          url: url,
          /** Share of the calls; 0: only those that affinity keeps there. */
          weight: z.int().min(0).max(1_000).optional(),
          /** Lower ones are used first. */
          priority: z.int().min(0).max(100).optional(),
          zone: z.string().min(1).max(63).optional(),
        }),
      )
      .min(1)
      .max(256)
      .optional(),
    balance: balanceSchema.optional(),
    affinity: affinitySchema.optional(),
    health: healthSchema.optional(),
    outlier: outlierSchema.optional(),
    breaker: breakerSchema.optional(),
    limits: limitsSchema.optional(),
    retry: retrySchema.optional(),
    hedge: hedgeSchema.optional(),
    /** Until the reply's head, of each try. */
    "try-timeout": durationText.optional(),
    /** Percent of the targets: where fewer can be used, health is not asked. */
    "panic-threshold": z.number().min(0).max(100).optional(),
    "slow-start": durationText.optional(),
    "connect-timeout": durationText.optional(),
    timeout: durationText.optional(),
    "idle-timeout": durationText.optional(),
    "connections-max": z.int().min(1).max(10_000).optional(),
    "pending-max": z.int().min(0).max(100_000).optional(),
    /**
     * What is spoken to the targets: `http/1.1` (default), `h2` (agreed on by ALPN), `h2c` (HTTP/2 without TLS), or `auto` (ALPN decides).
     */
    protocol: z.enum(["http/1.1", "h2", "h2c", "auto"]).optional(),
    /** Over HTTP/2 calls of gRPC-Web become calls of gRPC; false where the backend speaks gRPC-Web itself. */
    "grpc-web": z.boolean().optional(),
    "preserve-host": z.boolean().optional(),
    tls: z
      .strictObject({
        "server-name": z.string().optional(),
        ca: z.string().optional(),
        verify: z.boolean().optional(),
        /** What the gateway shows the backend: a chain in PEM, and the secret that holds its key. */
        "client-certificate": z.string().optional(),
        "client-key": z.string().optional(),
        "min-version": z.enum(["1.2", "1.3"]).optional(),
      })
      .optional(),
    credentials: z
      .strictObject({
        headers: z.record(z.string(), z.string()).optional(),
        query: z.record(z.string(), z.string()).optional(),
      })
      .optional(),
  })
  .refine((backend) => (backend.url === undefined) !== (backend.targets === undefined), {
    message: "give either `url` or `targets`",
    path: ["url"],
  });
type Config = z.output<typeof schema>;

/** What a backend does where its file is silent. */
export const httpBackendDefaults = {
  connectTimeoutMs: 5_000,
  /** Until the head of the reply; the default of `forward-request` in the catalogue. */
  timeoutMs: 300_000,
  idleTimeoutMs: 55_000,
  connectionsMax: 256,
  pendingMax: 1_024,
} as const;

/** Fewer than a tenth of the targets: of up to ten none. */
const panicPercentDefault = 10;

/** Fields that the engine's HTTP client sets itself. */
const ownedHeaders = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A service reached over HTTP/1.1 or HTTP/2, with or without TLS; the engine keeps the connections. */
export const httpBackend: BackendKind = defineBackend({
  kind: "http",
  summary: "A service reached over HTTP/1.1 or HTTP/2 (gRPC too), with or without TLS.",
  schema,
  build: (config, tools) => {
    const headers = Object.entries(config.credentials?.headers ?? {});
    for (const [name, value] of headers) {
      if (!tokenPattern.test(name) || ownedHeaders.has(name.toLowerCase()))
        tools.mistake(`.credentials.headers.${name}`, "not a header that a backend's credentials can set");
      // The value may be a secret: the message does not show it.
      if (!fieldValuePattern.test(value))
        tools.mistake(`.credentials.headers.${name}`, "the value holds a control or non-latin1 character");
    }
    const entries: readonly Entry[] = config.targets ?? [{ url: config.url ?? "" }];
    if ((config.tls?.["client-certificate"] === undefined) !== (config.tls?.["client-key"] === undefined))
      tools.mistake(".tls", "`client-certificate` and `client-key` belong together");
    if (config.tls !== undefined && !entries.some((target) => target.url.startsWith("https:")))
      tools.mistake(".tls", "the URL does not begin with https:");
    const scheme = config.protocol === "h2" ? "https:" : config.protocol === "h2c" ? "http:" : "";
    if (!entries.every((target) => target.url.startsWith(scheme)))
      tools.mistake(".protocol", `\`${config.protocol}\` is spoken to URLs that begin with ${scheme}`);
    if (config["grpc-web"] !== undefined && (config.protocol ?? "http/1.1") === "http/1.1")
      tools.mistake(".grpc-web", "gRPC needs HTTP/2: set `protocol`");
    const urls = new Set(entries.map((target) => target.url));
    if (urls.size < entries.length) tools.mistake(".targets", "two targets have the same URL");
    const targetOf = (target: Entry): UpstreamTarget => ({
      url: target.url,
      connectTimeoutMs: msOf(config["connect-timeout"], httpBackendDefaults.connectTimeoutMs),
      timeoutMs: msOf(config.timeout, httpBackendDefaults.timeoutMs),
      idleTimeoutMs: msOf(config["idle-timeout"], httpBackendDefaults.idleTimeoutMs),
      connectionsMax: config["connections-max"] ?? httpBackendDefaults.connectionsMax,
      pendingMax: config["pending-max"] ?? httpBackendDefaults.pendingMax,
      preserveHost: config["preserve-host"] ?? false,
      ...(config.protocol === undefined ? {} : { protocol: config.protocol }),
      ...(config["grpc-web"] === undefined ? {} : { translatesGrpcWeb: config["grpc-web"] }),
      tls: {
        ...(config.tls?.["server-name"] === undefined ? {} : { serverName: config.tls["server-name"] }),
        ...(config.tls?.ca === undefined ? {} : { ca: config.tls.ca }),
        verify: config.tls?.verify ?? true,
        ...(config.tls?.["client-certificate"] === undefined
          ? {}
          : { clientCertificate: config.tls["client-certificate"] }),
        ...(config.tls?.["client-key"] === undefined ? {} : { clientKey: config.tls["client-key"] }),
        ...(config.tls?.["min-version"] === undefined ? {} : { minVersion: config.tls["min-version"] }),
      },
      headers,
      query: Object.entries(config.credentials?.query ?? {}),
    });
    const [only] = entries;
    if (only !== undefined && entries.length === 1 && ruleNames.every((name) => config[name] === undefined))
      return tools.upstream(targetOf(only));
    return tools.cluster(clusterOf(config, entries, targetOf, tools));
  },
});

type Entry = NonNullable<Config["targets"]>[number];

/** What makes one target more than an address: without any of them it costs what it always did. */
const ruleNames = ["affinity", "health", "outlier", "breaker", "limits", "retry", "hedge", "try-timeout"] as const;

const clusterOf = (
  config: Config,
  entries: readonly Entry[],
  targetOf: (target: Entry) => UpstreamTarget,
  tools: BackendTools,
): ClusterConfig => {
  const { affinity, health } = config;
  if (config["try-timeout"] !== undefined && msOf(config["try-timeout"], 0) === 0)
    tools.mistake(".try-timeout", "a timeout of no time would refuse every call");
  if (!entries.some((target) => (target.weight ?? 1) > 0)) tools.mistake(".targets", "no target has a weight");
  return {
    name: tools.at.replace(/^backends\//, "").replace(/\.yaml$/, ""),
    targets: entries.map((target) => ({
      target: targetOf(target),
      weight: target.weight ?? 1,
      priority: target.priority ?? 0,
      zone: target.zone ?? "",
    })),
    balance: balanceOf(config, tools),
    affinity:
      affinity === undefined
        ? null
        : {
            cookie: affinity.cookie,
            secret: affinity.secret ?? "",
            maxAge: Math.round(msOf(affinity.ttl, 0) / 1000),
          },
    health:
      health === undefined ? null : healthRuleOf(health, (path, message) => tools.mistake(`.health${path}`, message)),
    outlier: config.outlier === undefined ? null : outlierRuleOf(config.outlier),
    breaker: config.breaker === undefined ? null : breakerRuleOf(config.breaker),
    limits: config.limits === undefined ? null : limitRuleOf(config.limits),
    retry: config.retry === undefined ? null : retryRuleOf(config.retry),
    budget: budgetRuleOf(config.retry),
    hedge: config.hedge === undefined ? null : hedgeRuleOf(config.hedge),
    tryTimeoutMs: config["try-timeout"] === undefined ? undefined : msOf(config["try-timeout"], 0),
    panicShare: (config["panic-threshold"] ?? panicPercentDefault) / 100,
    slowStartMs: msOf(config["slow-start"], 0),
  };
};

const balanceOf = (config: Config, tools: BackendTools): Balance => {
  const { balance = "round-robin" } = config;
  if (typeof balance === "string") return { kind: balance };
  const { header, cookie, parameter, key } = balance.hash;
  const hashed = [header, cookie, parameter, key, balance.hash["client-ip"]].filter((one) => one !== undefined);
  if (hashed.length !== 1)
    tools.mistake(".balance.hash", "give one of `header`, `cookie`, `parameter`, `client-ip`, `key`");
  const value = key === undefined ? undefined : tools.value(key, "string", ".balance.hash.key");
  const keyOf = (x: Exchange): string | undefined => {
    if (header !== undefined) return x.request.headers.get(header);
    if (cookie !== undefined) return cookieOf(x, cookie);
    if (parameter !== undefined) return x.request.params[parameter];
    return value === undefined ? x.request.clientIp : value.of(x);
  };
  return { kind: "hash", keyOf, loadFactor: balance.hash["load-factor"] ?? 1.25 };
};
