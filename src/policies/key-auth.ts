import { z } from "zod";
import { callerOf, type Exchange } from "../exchange/exchange.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { headerNameAttribute } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  "header-name": headerNameAttribute.default("X-API-Key"),
  "query-parameter-name": z.string().min(1).max(100).optional(),
  optional: z.boolean().default(false),
  "forward-key": z.boolean().default(false),
});

/** Asks for a subscription's key; see docs. Costs one look-up in the key table. */
export const keyAuth: Policy = definePolicy({
  name: "key-auth",
  group: "authentication",
  summary: "Lets only callers with a valid key of an active subscription pass.",
  docs: `\`protect: key\` in \`api.yaml\` stands for this policy with its defaults; write it yourself to change them.

The key is looked for in \`header-name\`, then in the headers and query parameters that the API's OpenAPI document names in its \`apiKey\` schemes, then in
\`query-parameter-name\`. The first one found counts. All of them are removed from what goes to the backend, unless \`forward-key\` is true.

| attribute | default | meaning |
| --- | --- | --- |
| \`header-name\` | \`X-API-Key\` | header that carries the key |
| \`query-parameter-name\` | – | query parameter that may carry it too; keys in URLs end up in logs |
| \`optional\` | \`false\` | a call without a key passes with no caller; a wrong key is refused all the same |
| \`forward-key\` | \`false\` | the backend sees the key |

Answers 401 \`key.missing\` and \`key.invalid\` (unknown, expired and revoked keys look the same), 403 \`subscription.inactive\` where the subscription is pending, suspended or
ended, 403 \`subscription.forbidden\` where its product does not hold the API. Afterwards \`caller\` tells subscription, product, plan, application and organization.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "The default", config: {} },
    {
      title: "Another header, anonymous calls allowed",
      config: { "header-name": "Ocp-Apim-Subscription-Key", optional: true },
    },
  ],
  build: (config, tools) => {
    const headerNames = unique([config["header-name"], ...tools.target.keyHeaders]);
    const parameterNames = [
      ...new Set([
        ...tools.target.keyQueryParameters,
        ...(config["query-parameter-name"] === undefined ? [] : [config["query-parameter-name"]]),
      ]),
    ];
    const challenge: readonly [string, string][] = [["WWW-Authenticate", `ApiKey header="${config["header-name"]}"`]];
    const missing = refuse("key.missing", {
      headers: challenge,
      detail: `Send your key in the header \`${config["header-name"]}\`.`,
    });
    const invalid = refuse("key.invalid", { headers: challenge });
    const inactive = refuse("subscription.inactive");
    const forbidden = refuse("subscription.forbidden");
    return (x) => {
      const key = keyOf(x, headerNames, parameterNames);
      if (key === undefined) return config.optional ? undefined : missing;
      const facts = key === "" ? undefined : tools.findKey(key, x.startedAtMs);
      if (facts === undefined) return invalid;
      if (facts.state !== "active") return inactive;
      if (!tools.isInProduct(facts.product)) return forbidden;
      x.caller = callerOf({
        kind: "key",
        subscription: facts.subscription,
        application: facts.application,
        organization: facts.organization,
        product: facts.product,
        plan: facts.plan,
      });
      if (!config["forward-key"]) removeKeys(x, headerNames, parameterNames);
      return undefined;
    };
  },
});

const keyOf = (x: Exchange, headerNames: readonly string[], parameterNames: readonly string[]): string | undefined => {
  for (const name of headerNames) {
    const value = x.request.headers.get(name);
    if (value !== undefined) return value;
  }
  for (const name of parameterNames) {
    const value = x.request.queryParameter(name);
    if (value !== undefined) return value;
  }
  return undefined;
};

const removeKeys = (x: Exchange, headerNames: readonly string[], parameterNames: readonly string[]): void => {
  for (const name of headerNames) if (x.request.headers.has(name)) x.request.headers.delete(name);
  for (const name of parameterNames)
    if (x.request.queryParameter(name) !== undefined) x.request.setQueryParameter(name, null);
};

const unique = (names: readonly string[]): readonly string[] =>
  names.filter((name, index) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === index);
