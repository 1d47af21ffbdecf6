import { z } from "zod";
import type { Exchange } from "../exchange/exchange.ts";
import { tokenPattern } from "../exchange/headers.ts";
import { definePolicy, type Policy, type PolicyTools } from "../exchange/policy.ts";
import { durationAttribute, headerNameAttribute } from "../exchange/policy-schema.ts";
import { emptyReply, type Reply } from "../exchange/reply.ts";

/** A list, also as XML's nested elements have it: `{ origin: [...] }`. */
const listOf = <N extends string>(element: N, entry: z.ZodType<string>) => {
  const list = z.union([z.array(entry).max(200), entry]);
  return z
    .union([list, z.strictObject({ [element]: list } as Record<N, typeof list>)])
    .transform((value): readonly string[] => {
      const inner: unknown = typeof value === "object" && !Array.isArray(value) ? Object.values(value)[0] : value;
      return Array.isArray(inner) ? inner.map(String) : [String(inner)];
    });
};

const origin = z
  .string()
  .max(300)
  .regex(
    /^(\*|null|[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?)$/,
    "an origin is `*`, `null` or scheme://host[:port] in lower case, without path and without trailing slash",
  );
const method = z.string().max(40).regex(tokenPattern, "a method's name, or `*`");
const methods = z.union([z.array(method).max(50), method]);

const schema = z.strictObject({
  "allow-credentials": z.boolean().default(false),
  "terminate-unmatched-request": z.boolean().default(true),
  "allowed-origins": listOf("origin", origin),
  "allowed-methods": z
    .union([
      methods,
      z.strictObject({ "preflight-result-max-age": durationAttribute.optional(), method: methods.optional() }),
    ])
    .optional(),
  "preflight-result-max-age": durationAttribute.optional(),
  "allowed-headers": listOf("header", headerNameAttribute).optional(),
  "expose-headers": listOf("header", headerNameAttribute).optional(),
});
type Config = z.infer<typeof schema>;

/** Cross-origin resource sharing after the Fetch standard; see docs. */
export const cors: Policy = definePolicy({
  name: "cors",
  group: "cross-domain",
  summary: "Tells browsers which other origins may call the API, and answers their preflights.",
  docs: `Follows the Fetch standard. A preflight (\`OPTIONS\` with \`Origin\` and \`Access-Control-Request-Method\`) of an operation is answered here, before keys and tokens are asked for: browsers
send none with it. Calls without \`Origin\` pass untouched.

| attribute | default | meaning |
| --- | --- | --- |
| \`allowed-origins\` | required | \`*\`, or origins letter for letter: scheme, host, port; \`null\` only where it is named |
| \`allow-credentials\` | \`false\` | cookies and HTTP authentication; not together with the origin \`*\` |
| \`allowed-methods\` | GET, POST | methods of preflighted calls, or \`*\`; HEAD goes with GET |
| \`preflight-result-max-age\` | – | how long browsers may keep the answer; also inside \`allowed-methods\` as in XML |
| \`allowed-headers\` | none | request headers beyond the safelisted ones, or \`*\` |
| \`expose-headers\` | none | reply headers that scripts may read, or \`*\` |
| \`terminate-unmatched-request\` | \`true\` | a preflight, GET or HEAD from another origin that does not match is answered 200 and empty, without CORS fields; with \`false\` it goes on |

Lists may be written plainly or as XML nests them (\`allowed-origins: { origin: [...] }\`). Where the answer depends on the origin, \`Vary\` says so, also on calls without one.
The gateway's fields replace those of the backend.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "A public, anonymous API", config: { "allowed-origins": "*" } },
    {
      title: "One web application with cookies",
      config: {
        "allow-credentials": true,
        "allowed-origins": ["https://app.example.com"],
        "allowed-methods": ["GET", "POST", "PUT", "DELETE"],
        "allowed-headers": ["content-type", "x-api-key"],
        "expose-headers": ["etag", "x-request-id"],
        "preflight-result-max-age": "10m",
      },
    },
  ],
  build: (config, tools) => {
    const rules = rulesOf(config, tools);
    return { step: (x) => actual(x, rules), preflight: (x) => preflight(x, rules) };
  },
});

interface Rules {
  readonly terminates: boolean;
  readonly credentials: boolean;
  readonly origins: ReadonlySet<string>;
  readonly anyOrigin: boolean;
  readonly methods: ReadonlySet<string>;
  readonly methodList: string;
  readonly anyMethod: boolean;
  readonly headers: ReadonlySet<string>;
  readonly anyHeader: boolean;
  readonly exposed: string;
  readonly maxAge: string;
}

const rulesOf = (config: Config, tools: PolicyTools): Rules => {
  const allowed = config["allowed-methods"];
  const nested = typeof allowed === "object" && !Array.isArray(allowed) ? allowed : undefined;
  const listed = nested ? nested.method : Array.isArray(allowed) || typeof allowed === "string" ? allowed : undefined;
  const methodNames = listed === undefined ? ["GET", "POST"] : Array.isArray(listed) ? listed : [listed];
  const maxAgeMs = nested?.["preflight-result-max-age"] ?? config["preflight-result-max-age"];
  const origins = new Set(config["allowed-origins"]);
  const credentials = config["allow-credentials"];
  const exposed = config["expose-headers"] ?? [];
  // Fetch standard section 3.3.4: with credentials a `*` is no wildcard, so that such a configuration would never match.
  if (credentials && origins.has("*"))
    tools.mistake(".allowed-origins", "`*` may not be combined with allow-credentials");
  if (credentials && exposed.includes("*"))
    tools.mistake(".expose-headers", "`*` may not be combined with allow-credentials");
  if (origins.size === 0) tools.mistake(".allowed-origins", "at least one origin");
  return {
    terminates: config["terminate-unmatched-request"],
    credentials,
    origins,
    anyOrigin: origins.has("*"),
    methods: new Set(methodNames.includes("GET") ? [...methodNames, "HEAD"] : methodNames),
    methodList: methodNames.join(", "),
    anyMethod: methodNames.includes("*"),
    headers: new Set((config["allowed-headers"] ?? []).map((name) => name.toLowerCase())),
    anyHeader: (config["allowed-headers"] ?? []).includes("*"),
    exposed: exposed.join(", "),
    maxAge: maxAgeMs === undefined ? "" : String(Math.floor(maxAgeMs / 1000)),
  };
};

/** What a call that is not a preflight gets; RFC 9110 section 12.5.5 for `Vary`. */
const actual = (x: Exchange, rules: Rules): Reply | undefined => {
  if (!rules.anyOrigin) x.setReplyHeader("Vary", "Origin");
  const from = x.request.headers.get("origin");
  if (from === undefined) return undefined;
  if (!isAllowed(from, rules)) {
    const isRead = x.request.method === "GET" || x.request.method === "HEAD";
    const isOwn = from === `${x.request.scheme}://${x.request.host}`;
    return rules.terminates && isRead && !isOwn ? emptyReply(200) : undefined;
  }
  x.setReplyHeader("Access-Control-Allow-Origin", rules.anyOrigin ? "*" : from);
  if (rules.credentials) x.setReplyHeader("Access-Control-Allow-Credentials", "true");
  if (rules.exposed !== "") x.setReplyHeader("Access-Control-Expose-Headers", rules.exposed);
  return undefined;
};

const preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

const preflight = (x: Exchange, rules: Rules): Reply | undefined => {
  const from = x.request.headers.get("origin");
  const wanted = x.request.headers.get("access-control-request-method");
  if (from === undefined || wanted === undefined) return undefined;
  const names = requestedHeaders(x.request.headers.get("access-control-request-headers"));
  const matches =
    isAllowed(from, rules) &&
    tokenPattern.test(wanted) &&
    (rules.anyMethod || rules.methods.has(wanted)) &&
    names?.every((name) => rules.anyHeader || rules.headers.has(name));
  const vary: readonly [string, string] = ["Vary", preflightVary];
  if (!matches || names === undefined) return rules.terminates ? emptyReply(200, [vary]) : undefined;
  const headers: (readonly [string, string])[] = [
    ["Access-Control-Allow-Origin", rules.anyOrigin ? "*" : from],
    // The method and headers are named one by one: with credentials `*` would not count, and it never covers Authorization.
    ["Access-Control-Allow-Methods", rules.anyMethod ? wanted : rules.methodList],
  ];
  if (rules.credentials) headers.push(["Access-Control-Allow-Credentials", "true"]);
  if (names.length > 0) headers.push(["Access-Control-Allow-Headers", names.join(", ")]);
  if (rules.maxAge !== "") headers.push(["Access-Control-Max-Age", rules.maxAge]);
  headers.push(vary);
  return emptyReply(200, headers);
};

const isAllowed = (from: string, rules: Rules): boolean => rules.anyOrigin || rules.origins.has(from);

const requestedHeadersMax = 100;

/** The names a preflight asks for, in lower case; undefined where the list is not one of tokens. */
const requestedHeaders = (field: string | undefined): readonly string[] | undefined => {
  if (field === undefined || field.trim() === "") return [];
  const names = field.split(",").map((name) => name.trim().toLowerCase());
  return names.length <= requestedHeadersMax && names.every((name) => tokenPattern.test(name)) ? names : undefined;
};
