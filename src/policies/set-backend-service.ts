import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";

const unavailable = [
  "sf-instance-id",
  "sf-partition-key",
  "sf-replica-type",
  "sf-resolve-condition",
  "sf-service-instance-name",
  "sf-listener-name",
  "dapr-app-id",
  "dapr-method",
  "dapr-namespace",
] as const;
const schema = z.strictObject({
  "base-url": z.string().min(1).max(4096).optional(),
  "backend-id": z.string().min(1).max(4096).optional(),
  ...Object.fromEntries(unavailable.map((name) => [name, z.unknown().optional()])),
});

/** Sends the call to another backend; see docs. */
export const setBackendService: Policy = definePolicy({
  name: "set-backend-service",
  group: "routing",
  summary: "Sends the call to another backend, by its name or its URL.",
  docs: `| attribute | meaning |
| --- | --- |
| \`backend-id\` | the name of a file in \`backends/\`; literal or expression |
| \`base-url\` | an http or https URL that replaces the backend's own; literal or expression |

Exactly one of the two. A literal name that does not exist is refused when it is configured; one that an expression gives is a fault of the policy. A URL that an expression makes of what the caller sent lets
the caller choose where the gateway connects: build it of literals. Timeouts, pools and credentials of a named backend come with it; a URL has the defaults of the kind \`http\` and no credentials.

The attributes of Service Fabric (\`sf-*\`) and Dapr (\`dapr-*\`) are not available in this version.`,
  sections: ["inbound", "backend"],
  schema,
  examples: [
    { title: "Another region for gold plans", config: { "backend-id": "=caller.plan == 'gold' ? 'fast' : 'main'" } },
    { title: "A URL", config: { "base-url": "https://orders-v2.internal.example" } },
  ],
  build: (config, tools) => {
    for (const name of unavailable)
      if (Reflect.get(config, name) !== undefined)
        tools.mistake(`.${name}`, `\`${name}\` is not available in this version`);
    const [id, url] = [config["backend-id"], config["base-url"]];
    if (id !== undefined && url === undefined) {
      const backend = tools.value(id, "string", ".backend-id");
      const known = new Set(tools.target.backends);
      if (backend.constant !== undefined && !known.has(backend.constant))
        tools.mistake(".backend-id", `no backend is called ${JSON.stringify(backend.constant)}`);
      return (x) => {
        const name = backend.of(x);
        if (!known.has(name)) throw new RangeError(`no backend is called ${JSON.stringify(name.slice(0, 80))}`);
        x.backend = name;
        x.backendUrl = null;
      };
    }
    if (url === undefined || id !== undefined) tools.mistake("", "give either `backend-id` or `base-url`");
    const base = tools.value(url ?? "", "string", ".base-url");
    if (url !== undefined && base.constant !== undefined && !isBaseUrl(base.constant))
      tools.mistake(".base-url", "an http or https URL without credentials, query and fragment");
    return (x) => {
      const target = base.of(x);
      if (base.constant === undefined && !isBaseUrl(target))
        throw new RangeError("base-url is not an http or https URL without credentials, query and fragment");
      x.backendUrl = target;
    };
  },
});

const isBaseUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return false;
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "" && !/[?#]/.test(text);
};
