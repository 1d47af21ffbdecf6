import { z } from "zod";
import { durationMs } from "../base/duration.ts";
import { type BackendKind, defineBackend } from "../exchange/backend.ts";
import { fieldValuePattern, tokenPattern } from "../exchange/headers.ts";

/*
 * The same rules as the model's schema of `backends/NAME.yaml`; a test keeps them equal. This room may not import the model: a
 * backend kind is complete in its one file.
 */

const duration = z
  .union([z.string(), z.number().nonnegative()])
  .refine((value) => durationMs(value) !== undefined, "write a duration such as 500ms, 60s, 5m, 1h or 7d");

const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !URL.canParse(text) || (new URL(text).username === "" && new URL(text).password === ""), {
    message: "credentials do not belong in a URL: use `credentials`",
  })
  .refine((text) => !URL.canParse(text) || (new URL(text).hash === "" && new URL(text).search === ""), {
    message: "a backend's URL has no query and no fragment",
  });

const schema = z.strictObject({
  kind: z.literal("http"),
  url,
  "connect-timeout": duration.optional(),
  timeout: duration.optional(),
  "idle-timeout": duration.optional(),
  "connections-max": z.int().min(1).max(10_000).optional(),
  "pending-max": z.int().min(0).max(100_000).optional(),
  "preserve-host": z.boolean().optional(),
  tls: z
    .strictObject({ "server-name": z.string().optional(), ca: z.string().optional(), verify: z.boolean().optional() })
    .optional(),
  credentials: z
    .strictObject({
      headers: z.record(z.string(), z.string()).optional(),
      query: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});

/** What a backend does where its file is silent. */
export const httpBackendDefaults = {
  connectTimeoutMs: 5_000,
  /** Until the head of the reply; the default of `forward-request` in the catalogue. */
  timeoutMs: 300_000,
  idleTimeoutMs: 55_000,
  connectionsMax: 256,
  pendingMax: 1_024,
} as const;

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

/** A service reached over HTTP/1.1, with or without TLS; the engine keeps the connections. */
export const httpBackend: BackendKind = defineBackend({
  kind: "http",
  summary: "A service reached over HTTP/1.1, with or without TLS.",
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
    if (config.tls !== undefined && new URL(config.url).protocol !== "https:")
      tools.mistake(".tls", "the URL does not begin with https:");
    return tools.upstream({
      url: config.url,
      connectTimeoutMs: msOf(config["connect-timeout"], httpBackendDefaults.connectTimeoutMs),
      timeoutMs: msOf(config.timeout, httpBackendDefaults.timeoutMs),
      idleTimeoutMs: msOf(config["idle-timeout"], httpBackendDefaults.idleTimeoutMs),
      connectionsMax: config["connections-max"] ?? httpBackendDefaults.connectionsMax,
      pendingMax: config["pending-max"] ?? httpBackendDefaults.pendingMax,
      preserveHost: config["preserve-host"] ?? false,
      tls: {
        ...(config.tls?.["server-name"] === undefined ? {} : { serverName: config.tls["server-name"] }),
        ...(config.tls?.ca === undefined ? {} : { ca: config.tls.ca }),
        verify: config.tls?.verify ?? true,
      },
      headers,
      query: Object.entries(config.credentials?.query ?? {}),
    });
  },
});

const msOf = (duration: string | number | undefined, otherwise: number): number =>
  duration === undefined ? otherwise : (durationMs(duration) ?? otherwise);
