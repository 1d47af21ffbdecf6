import { z } from "zod";
import {
  affinitySchema,
  balanceSchema,
  breakerSchema,
  healthSchema,
  hedgeSchema,
  limitsSchema,
  outlierSchema,
  retrySchema,
} from "./backend-rules.ts";
import { durationSchema } from "./names.ts";

/** The kind of a backend named by the reserved name `mock`, and of every API without a backend. */
export const mockBackendName = "mock";

const httpUrl = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !URL.canParse(url) || (new URL(url).username === "" && new URL(url).password === ""), {
    message: "credentials do not belong in a URL: use `credentials`",
  })
  .refine((url) => !URL.canParse(url) || (new URL(url).hash === "" && new URL(url).search === ""), {
    message: "a backend's URL has no query and no fragment",
  });

/** A service reached over HTTP/1.1. */
export const httpBackendSchema = z
  .strictObject({
    kind: z.literal("http"),
    /** The one target; or `targets`. */
    url: httpUrl.optional(),
    targets: z
      .array(
        z.strictObject({
          url: httpUrl,
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
    "try-timeout": durationSchema.optional(),
    /** Percent of the targets: where fewer can be used, health is not asked. */
    "panic-threshold": z.number().min(0).max(100).optional(),
    "slow-start": durationSchema.optional(),
    "connect-timeout": durationSchema.optional(),
    timeout: durationSchema.optional(),
    "idle-timeout": durationSchema.optional(),
    "connections-max": z.int().min(1).max(10_000).optional(),
    "pending-max": z.int().min(0).max(100_000).optional(),
    /**
     * What is spoken to the targets: `http/1.1` (default), `h2` (agreed on by ALPN), `h2c` (HTTP/2 without TLS), or `auto` (ALPN decides).
     */
    protocol: z.enum(["http/1.1", "h2", "h2c", "auto"]).optional(),
    /** Over HTTP/2 calls of gRPC-Web become calls of gRPC; false where the backend speaks gRPC-Web itself. */
    "grpc-web": z.boolean().optional(),
    /** Host header sent to the backend: the URL's own (default) or the client's. */
    "preserve-host": z.boolean().optional(),
    tls: z
      .strictObject({
        "server-name": z.string().optional(),
        ca: z.string().optional(),
        verify: z.boolean().optional(),
        /** What the gateway shows the backend: a chain in PEM, and the secret that holds its key. */
        "client-certificate": z.string().optional(),
        "client-key": z
          .string()
          .refine(
            (text) => /^\{\{\s*[A-Za-z0-9._-]+\s*\}\}$/.test(text),
            "a private key does not belong in a file: name a secret, {{name}}",
          )
          .optional(),
        "min-version": z.enum(["1.2", "1.3"]).optional(),
      })
      .optional(),
    credentials: z
      .strictObject({
        /** Headers added to each call; values may be `{{named-value}}`. */
        headers: z.record(z.string(), z.string()).optional(),
        query: z.record(z.string(), z.string()).optional(),
      })
      .optional(),
  })
  .refine((backend) => (backend.url === undefined) !== (backend.targets === undefined), {
    message: "give either `url` or `targets`",
    path: ["url"],
  });

/** Answers from the API's own document: examples first, then generated from the schemas. */
export const mockBackendSchema = z.strictObject({
  kind: z.literal("mock"),
  delay: durationSchema.optional(),
});

/** What `backends/NAME.yaml` says. */
export const backendSchema = z.discriminatedUnion("kind", [httpBackendSchema, mockBackendSchema]);
export type Backend = z.infer<typeof backendSchema>;
export type HttpBackend = z.infer<typeof httpBackendSchema>;
export type MockBackend = z.infer<typeof mockBackendSchema>;
