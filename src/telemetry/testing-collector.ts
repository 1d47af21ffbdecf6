import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** What is used of the generated classes. */
interface GeneratedMessage {
  fromObject(value: Json): object;
  verify(message: object): string | null;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
  toObject(message: object, options: object): unknown;
}
interface Generated {
  readonly proto: {
    readonly collector: {
      readonly trace: { readonly v1: { readonly ExportTraceServiceRequest: GeneratedMessage } };
      readonly metrics: { readonly v1: { readonly ExportMetricsServiceRequest: GeneratedMessage } };
    };
  };
}

type Json = Readonly<Record<string, unknown>>;

/** A collector for tests: takes OTLP/HTTP in JSON, and checks it against the classes that OpenTelemetry generates of its proto files. */
export interface TestCollector {
  readonly endpoint: string;
  readonly spans: Json[];
  readonly metrics: Json[];
  readonly resources: Json[];
  /** Header fields of the requests, in order. */
  readonly requests: { readonly path: string; readonly headers: NodeJS.Dict<string | string[]> }[];
  /** What the collector found wrong. */
  readonly mistakes: string[];
  /** Answers with these first, then with 200. */
  readonly answers: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }[];
  close(): Promise<void>;
}

// CommonJS whose exports Node cannot see from outside.
const root = createRequire(import.meta.url)("@opentelemetry/otlp-transformer/build/src/generated/root.js") as {
  readonly opentelemetry: Generated;
};
const { trace, metrics } = root.opentelemetry.proto.collector;
const messages = {
  "/v1/traces": trace.v1.ExportTraceServiceRequest,
  "/v1/metrics": metrics.v1.ExportMetricsServiceRequest,
} as const;

/** Starts a collector on a free port. */
export const startTestCollector = async (): Promise<TestCollector> => {
  const collector: Omit<TestCollector, "endpoint" | "close"> = {
    spans: [],
    metrics: [],
    resources: [],
    requests: [],
    mistakes: [],
    answers: [],
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      collector.requests.push({ path, headers: request.headers });
      const answer = collector.answers.shift() ?? { status: 200, body: "{}" };
      if (answer.status < 300) take(collector, path, Buffer.concat(chunks), request.headers);
      response
        .writeHead(answer.status, { "content-type": "application/json", ...answer.headers })
        .end(answer.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...collector,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const take = (
  collector: Omit<TestCollector, "endpoint" | "close">,
  path: string,
  bytes: Buffer,
  headers: NodeJS.Dict<string | string[]>,
): void => {
  if (headers["content-type"] !== "application/json")
    collector.mistakes.push(`content-type ${headers["content-type"]}`);
  const text = headers["content-encoding"] === "gzip" ? gunzipSync(bytes).toString() : bytes.toString();
  const sent = JSON.parse(text) as Json;
  if (path !== "/v1/traces" && path !== "/v1/metrics") {
    collector.mistakes.push(`unknown path ${path}`);
    return;
  }
  const message = messages[path];
  // OTLP/JSON has ids in hex where proto3's JSON has base64.
  const wanted = withBase64Ids(sent) as Json;
  const decoded = message.fromObject(wanted);
  const problem = message.verify(decoded);
  if (problem !== null) collector.mistakes.push(problem);
  const bytesAgain = message.encode(decoded).finish();
  const back = message.toObject(message.decode(bytesAgain), {
    longs: String,
    bytes: String,
    arrays: false,
    json: true,
  });
  // What the classes do not know they drop: then the two differ.
  const [mine, theirs] = [canonical(wanted), canonical(back)];
  if (mine !== theirs) {
    const at = [...mine].findIndex((letter, index) => letter !== theirs[index]);
    collector.mistakes.push(
      `not the same after encoding: ${mine.slice(at - 60, at + 60)} | ${theirs.slice(at - 60, at + 60)}`,
    );
  }
  for (const group of listOf(sent, path === "/v1/traces" ? "resourceSpans" : "resourceMetrics")) {
    collector.resources.push(group.resource as Json);
    if (path === "/v1/traces")
      for (const scope of listOf(group, "scopeSpans")) collector.spans.push(...listOf(scope, "spans"));
    else for (const scope of listOf(group, "scopeMetrics")) collector.metrics.push(...listOf(scope, "metrics"));
  }
};

const listOf = (value: Json, name: string): readonly Json[] => (value[name] as readonly Json[] | undefined) ?? [];

const idNames = new Set(["traceId", "spanId", "parentSpanId"]);

const withBase64Ids = (value: unknown, name = ""): unknown => {
  if (typeof value === "string" && idNames.has(name)) return Buffer.from(value, "hex").toString("base64");
  if (Array.isArray(value)) return value.map((item) => withBase64Ids(item));
  if (value === null || typeof value !== "object") return value;
  // `Span.flags` (a number of 32 bits) is younger than the generated classes.
  const entries = Object.entries(value).filter(([key, item]) => !(key === "flags" && Number.isInteger(item)));
  return Object.fromEntries(entries.map(([key, item]) => [key, withBase64Ids(item, key)]));
};

/** Sorted, without what proto3 takes for absent: empty lists, empty texts and zeros. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, item: unknown) => {
    if (item === null || typeof item !== "object" || Array.isArray(item)) return item;
    const kept = Object.entries(item).filter(
      ([, member]) => !(Array.isArray(member) && member.length === 0) && member !== "" && member !== 0,
    );
    return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
  });

/** An attribute's value, whatever its type. */
export const attributeOf = (of: Json | undefined, name: string): unknown => {
  const found = listOf(of ?? {}, "attributes").find((attribute) => attribute.key === name);
  return found === undefined ? undefined : Object.values(found.value as Json)[0];
};
