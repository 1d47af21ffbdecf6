import assert from "node:assert/strict";
import { test } from "node:test";
import type { DescribedOperation } from "../../src/portals/described-operation.ts";
import { listedApiSchema, type PortalApi, portalApiOf } from "../../src/portals/portal-api.ts";
import { curlText, sampleOf, typescriptText } from "./sample.ts";

const apiOf = (fields: Readonly<Record<string, unknown>> = {}): PortalApi =>
  portalApiOf(listedApiSchema.parse({ name: "orders", path: "/shop", ...fields }));

const parameter = (name: string, place: "path" | "query" | "header", isRequired: boolean, example: unknown) => ({
  name,
  in: place,
  isRequired,
  isDeprecated: false,
  example,
});

const operation: DescribedOperation = {
  id: "replace",
  method: "PUT",
  path: "/orders/{id}",
  tags: [],
  isDeprecated: false,
  security: [],
  parameters: [
    parameter("id", "path", true, "a b/c"),
    parameter("dry", "query", true, true),
    parameter("limit", "query", false, 10),
    parameter("X-Tenant", "header", true, "t"),
  ],
  requestBody: {
    isRequired: true,
    content: [
      {
        mediaTypes: ["application/xml"],
        isStream: false,
        examples: [],
      },
      {
        mediaTypes: ["application/json"],
        isStream: false,
        examples: [{ mediaType: "application/json", text: '{"name":"it\'s"}', isGiven: true, isTruncated: false }],
      },
    ],
  },
  responses: [],
};

const gateway = "http://127.0.0.1:8080";

test("a sample carries what is required, the key, and the JSON body, and leaves out what is optional", () => {
  const sample = sampleOf(apiOf(), operation, ["key"], gateway);
  assert.equal(sample.url, `${gateway}/shop/orders/a%20b%2Fc?dry=true`);
  assert.deepEqual(Object.fromEntries(sample.headers.map(({ name, value }) => [name, value])), {
    "X-Tenant": "t",
    "X-API-Key": "YOUR_KEY",
    "Content-Type": "application/json",
  });
});

test("a shell reads the command as one call: quotes in a body do not end it", () => {
  const text = curlText(sampleOf(apiOf(), operation, ["key"], gateway));
  assert.match(text, /^curl 'http:\/\/127\.0\.0\.1:8080\/shop\/orders\/a%20b%2Fc\?dry=true'/);
  assert.match(text, /--request PUT/);
  assert.match(text, /it'\\''s/);
});

test("the program is TypeScript that parses, and prints what comes back", () => {
  const text = typescriptText(sampleOf(apiOf(), operation, ["key"], gateway));
  assert.match(text, /^const response = await fetch\(/);
  assert.match(text, /response\.status/);
  // An async function with this body can be made: it is at least a program.
  assert.doesNotThrow(() => new Function(`return async () => {${text}}`));
});

test("a token stands in for the key where only a token is taken, and an open operation carries neither", () => {
  const names = (protections: readonly ("key" | "jwt")[]) =>
    sampleOf(apiOf(), operation, protections, gateway).headers.map((header) => header.name);
  assert.ok(names(["jwt"]).includes("Authorization"));
  assert.ok(!names(["jwt"]).includes("X-API-Key"));
  assert.ok(!names([]).some((name) => name === "X-API-Key" || name === "Authorization"));
});

test("the version stands where its scheme says", () => {
  const url = (versions: unknown) => sampleOf(apiOf({ versions }), operation, [], gateway).url;
  assert.match(url({ scheme: "path", value: "v2" }), /\/shop\/v2\/orders\//);
  assert.match(url({ scheme: "query", value: "2" }), /&api-version=2$/);
  const inHeader = sampleOf(apiOf({ versions: { scheme: "header", value: "3" } }), operation, [], gateway);
  assert.ok(inHeader.headers.some((header) => header.name === "Api-Version" && header.value === "3"));
});
