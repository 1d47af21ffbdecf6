import { entriesOf, isObject, type Located, member, textOf } from "./json-value.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { follow } from "./reference.ts";

/** A way to authenticate that the document declares, the same for all versions. */
export interface SecurityScheme {
  readonly name: string;
  readonly type: "apiKey" | "http" | "oauth2" | "openIdConnect" | "mutualTLS";
  readonly description: string | undefined;
  /** Of an `apiKey`: where the key stands, and under which name. */
  readonly in: "header" | "query" | "cookie" | undefined;
  readonly parameterName: string | undefined;
  /** Of `http`: `basic`, `bearer`, ... */
  readonly scheme: string | undefined;
  readonly bearerFormat: string | undefined;
  readonly openIdConnectUrl: string | undefined;
  readonly flows: readonly OauthFlow[];
  readonly pointer: string;
}

/** One flow of an `oauth2` scheme. */
export interface OauthFlow {
  readonly flow: string;
  readonly authorizationUrl: string | undefined;
  readonly tokenUrl: string | undefined;
  readonly scopes: Readonly<Record<string, string>>;
}

/** The security schemes of a document in its order; those of unknown type are left out (the lint names them). */
export const securitySchemesOf = (document: OpenApiDocument): readonly SecurityScheme[] => {
  const is2 = document.version === "2.0";
  const holder = is2
    ? member(document.root, "securityDefinitions")
    : member(member(document.root, "components"), "securitySchemes");
  const pointer = is2 ? "/securityDefinitions" : "/components/securitySchemes";
  return entriesOf(holder).flatMap(([name, value]) => {
    const end = follow(document, value, pointerTo(pointer, name));
    const scheme = isObject(end.value) ? schemeOf(name, end) : undefined;
    return scheme === undefined ? [] : [scheme];
  });
};

const types: ReadonlyMap<string, SecurityScheme["type"]> = new Map([
  ["apiKey", "apiKey"],
  ["http", "http"],
  ["basic", "http"],
  ["oauth2", "oauth2"],
  ["openIdConnect", "openIdConnect"],
  ["mutualTLS", "mutualTLS"],
]);

const schemeOf = (name: string, at: Located): SecurityScheme | undefined => {
  const declared = textOf(at.value, "type") ?? "";
  const type = types.get(declared);
  if (type === undefined) return undefined;
  const place = textOf(at.value, "in");
  return {
    name,
    type,
    description: textOf(at.value, "description"),
    in: type === "apiKey" && (place === "header" || place === "query" || place === "cookie") ? place : undefined,
    parameterName: type === "apiKey" ? textOf(at.value, "name") : undefined,
    // RFC 9110 section 11.1: the name of a scheme is case-insensitive.
    scheme: declared === "basic" ? "basic" : textOf(at.value, "scheme")?.toLowerCase(),
    bearerFormat: textOf(at.value, "bearerFormat"),
    openIdConnectUrl: textOf(at.value, "openIdConnectUrl"),
    flows: type === "oauth2" ? flowsOf(at.value) : [],
    pointer: at.pointer,
  };
};

const flowsOf = (scheme: unknown): readonly OauthFlow[] => {
  const single = textOf(scheme, "flow");
  if (single !== undefined) return [flow(swaggerFlows.get(single) ?? single, scheme)];
  return entriesOf(member(scheme, "flows"))
    .filter(([name]) => !name.startsWith("x-"))
    .map(([name, value]) => flow(name, value));
};

const swaggerFlows: ReadonlyMap<string, string> = new Map([
  ["accessCode", "authorizationCode"],
  ["application", "clientCredentials"],
]);

const flow = (name: string, value: unknown): OauthFlow => {
  const scopes = entriesOf(member(value, "scopes")).filter(([scope]) => !scope.startsWith("x-"));
  return {
    flow: name,
    authorizationUrl: textOf(value, "authorizationUrl"),
    tokenUrl: textOf(value, "tokenUrl"),
    scopes: Object.fromEntries(scopes.map(([scope, text]) => [scope, typeof text === "string" ? text : ""])),
  };
};
