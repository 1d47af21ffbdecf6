import { Environment } from "@marcbachmann/cel-js";
import type { Duration } from "@marcbachmann/cel-js/evaluator";
import { expressionLimits } from "./limits.ts";
import { ApiView, CallerView, ErrorView, OperationView, RequestView, ResponseView } from "./scope.ts";

/** A noun of the environment with its fields' CEL types: what the docs show and what the type checker knows. */
interface Noun {
  readonly name: string;
  readonly summary: string;
  readonly view: new (...args: never[]) => object;
  readonly fields: Readonly<Record<string, string>>;
}

/** Nouns with fields, in the order of the docs. Anything that is not named here does not exist for an expression. */
export const expressionNouns: readonly Noun[] = [
  {
    name: "request",
    summary:
      "The request as it came, with the changes that policies made to its method, headers, query and body so far. `body` (text) and `json` hold the body, up to 1 MiB, until it has been sent. `certificate` is what the client has shown in its TLS handshake: `isPresent`, `isVerified`, `subject`, `commonName`, `issuer`, `serialNumber`, `thumbprint` (SHA-1), `thumbprintSha256`, `alternativeNames`, `dnsNames`, `notBefore`, `notAfter`, `pem`.",
    view: RequestView,
    fields: {
      method: "string",
      scheme: "string",
      host: "string",
      path: "string",
      queryString: "string",
      url: "string",
      ip: "string",
      id: "string",
      certificate: "map<string, dyn>",
      headers: "map<string, string>",
      query: "map<string, string>",
      params: "map<string, string>",
      body: "string",
      json: "dyn",
    },
  },
  {
    name: "response",
    summary:
      "The reply so far; status 0, no headers and no body while there is none. `body` (text) and `json` hold the body, up to 1 MiB.",
    view: ResponseView,
    fields: { status: "int", headers: "map<string, string>", body: "string", json: "dyn" },
  },
  {
    name: "caller",
    summary: "Who calls, as far as policies have found out; empty strings where nothing is known.",
    view: CallerView,
    fields: {
      kind: "string",
      subscription: "string",
      application: "string",
      organization: "string",
      product: "string",
      plan: "string",
      subject: "string",
      claims: "map<string, dyn>",
    },
  },
  {
    name: "api",
    summary: "The API that the call was routed to.",
    view: ApiView,
    fields: { name: "string", title: "string", path: "string", version: "string" },
  },
  {
    name: "operation",
    summary: "The operation that the call was routed to.",
    view: OperationView,
    fields: { id: "string", method: "string", path: "string" },
  },
  {
    name: "error",
    summary: "What went wrong, in `on-error`; empty strings elsewhere.",
    view: ErrorView,
    fields: { code: "string", source: "string", section: "string", message: "string" },
  },
];

const timestamp = "google.protobuf.Timestamp";
const duration = "google.protobuf.Duration";

/** Tells the library that a function never waits, so that evaluation stays synchronous. */
const sync = { async: false } as const;

/** RFC 3339 in UTC without needless zeros, as the CEL standard's `string(timestamp)`. */
export const timestampText = (at: Date): string => at.toISOString().replace(/\.?0*Z$/, "Z");

/** Seconds with up to nine decimals, as the CEL standard's `string(duration)`: `1.5s`. */
export const durationText = (value: Duration): string => {
  const nanos = value.seconds * 1_000_000_000n + BigInt(value.nanos);
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${sign}${size / 1_000_000_000n}${fraction === "" ? "" : `.${fraction}`}s`;
};

const asInt = (value: bigint): bigint => {
  if (value > 9_223_372_036_854_775_807n) throw new RangeError("int() overflow");
  return value;
};

/** The typed environment of all expressions: nouns, `variables`, `now`, and the conversions of the CEL standard that the library lacks. */
export const celEnvironment: Environment = (() => {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: {
      maxAstNodes: expressionLimits.nodesMax,
      maxDepth: expressionLimits.depthMax,
      maxListElements: expressionLimits.listLiteralElementsMax,
      maxMapEntries: expressionLimits.mapLiteralEntriesMax,
      maxCallArguments: expressionLimits.callArgumentsMax,
    },
  });
  for (const { name, view, fields } of expressionNouns) {
    const type = `portico.${name}`;
    environment.registerType(type, { ctor: view, fields });
    environment.registerVariable(name, type);
  }
  environment.registerVariable("variables", "map<string, dyn>");
  environment.registerVariable("now", timestamp);
  environment.registerFunction(`int(${timestamp}): int`, (at: Date) => BigInt(Math.floor(at.getTime() / 1000)), sync);
  environment.registerFunction(`string(${timestamp}): string`, timestampText, sync);
  environment.registerFunction(`timestamp(${timestamp}): ${timestamp}`, (at: Date) => at, sync);
  environment.registerFunction(`string(${duration}): string`, durationText, sync);
  environment.registerFunction(`duration(${duration}): ${duration}`, (value: Duration) => value, sync);
  environment.registerFunction("int(uint): int", (value: { valueOf(): bigint }) => asInt(value.valueOf()), sync);
  return environment;
})();
