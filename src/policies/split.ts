import { z } from "zod";
import { cookieOf } from "../exchange/cookies.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { definePolicy, type Policy, type PolicyTools } from "../exchange/policy.ts";
import { booleanValue } from "../exchange/policy-schema.ts";
import { stableShare } from "../exchange/stable-share.ts";

const schema = z.strictObject({
  to: z
    .array(
      z.strictObject({
        backend: z.string().min(1),
        weight: z.number().min(0).max(1_000_000).optional(),
        when: booleanValue.optional(),
      }),
    )
    .min(1)
    .max(50),
  sticky: z
    .union([
      z.enum(["caller", "client-ip"]),
      z.strictObject({
        cookie: z
          .string()
          .max(100)
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "not a legal name of a cookie"),
      }),
      z.strictObject({ header: z.string().min(1).max(256) }),
      z.strictObject({ key: z.string().min(2).regex(/^=/, "an expression begins with =") }),
    ])
    .optional(),
});
type Config = z.output<typeof schema>;

/** Shares calls among backends; see docs. */
export const split: Policy = definePolicy({
  name: "split",
  group: "routing",
  summary: "Shares calls among backends by weight, by a condition, or by caller.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`to\` | required | a list of \`backend\` (a file in \`backends/\`) with \`weight\` (default 1) or \`when\` |
| \`sticky\` | no | who keeps its share: \`caller\` (subscription, else token's subject, else address), \`client-ip\`, \`{ header: NAME }\`, \`{ cookie: NAME }\` (set on the first reply, for a year), \`{ key: "=expression" }\` |

Entries with \`when\` are asked first, in order; the first whose condition is true takes the call. The others share what is left by weight. With \`sticky\` the share is a hash of who calls: the same at every gateway, and when weights
change only as many move as must. A caller without the header, or with an empty key, is shared by chance.`,
  sections: ["inbound", "backend"],
  schema,
  examples: [
    {
      title: "A tenth of the callers on the next version, testers always",
      config: {
        to: [
          { backend: "orders-next", when: "='x-test' in request.headers" },
          { backend: "orders", weight: 9 },
          { backend: "orders-next", weight: 1 },
        ],
        sticky: "caller",
      },
    },
  ],
  build: (config, tools) => {
    const chosen: { readonly backend: string; readonly isMeant: (x: Exchange) => boolean }[] = [];
    const shared: { readonly backend: string; readonly weight: number }[] = [];
    for (const [at, entry] of config.to.entries()) {
      const { backend, weight, when } = entry;
      if (!tools.target.backends.includes(backend))
        tools.mistake(`.to[${at}].backend`, `no backend is called ${JSON.stringify(backend)}`);
      if (when === undefined) shared.push({ backend, weight: weight ?? 1 });
      else {
        if (weight !== undefined) tools.mistake(`.to[${at}].weight`, "give either `weight` or `when`");
        const condition = tools.value(when, "boolean", `.to[${at}].when`);
        chosen.push({ backend, isMeant: (x) => condition.of(x) });
      }
    }
    const total = shared.reduce((sum, { weight }) => sum + weight, 0);
    if (shared.length > 0 && total === 0) tools.mistake(".to", "no entry has a weight");
    const shareOf = sharing(config.sticky, tools);
    return (x) => {
      const meant = chosen.find(({ isMeant }) => isMeant(x));
      const backend = meant?.backend ?? pick(shared, shareOf(x) * total);
      if (backend === undefined) return;
      x.backend = backend;
      x.backendUrl = null;
    };
  },
});

const pick = (
  shared: readonly { readonly backend: string; readonly weight: number }[],
  at: number,
): string | undefined => {
  let left = at;
  for (const { backend, weight } of shared) {
    left -= weight;
    if (left < 0) return backend;
  }
  return shared.at(-1)?.backend;
};

/** A number from 0 up to 1 for each call; with stickiness the same for the same caller. */
const sharing = (sticky: Config["sticky"], tools: PolicyTools): ((x: Exchange) => number) => {
  if (sticky === undefined) return () => Math.random();
  if (sticky === "client-ip") return (x) => stableShare(x.request.clientIp);
  if (sticky === "caller") return (x) => stableShare(x.caller?.subscription || x.caller?.subject || x.request.clientIp);
  if ("cookie" in sticky) return (x) => cookieShare(x, sticky.cookie);
  if ("header" in sticky) return (x) => shareOfKey(x.request.headers.get(sticky.header));
  const key = tools.value(sticky.key, "string", ".sticky.key");
  return (x) => shareOfKey(key.of(x));
};

const shareOfKey = (key: string | undefined): number =>
  key === undefined || key === "" ? Math.random() : stableShare(key);

/** The cookie says nothing but which share: a number that we draw, and keep if the client brings it back. */
const cookieShare = (x: Exchange, name: string): number => {
  const known = cookieOf(x, name);
  if (known !== undefined && /^\d{1,6}$/.test(known)) return Number(known) / 1_000_000;
  const drawn = Math.floor(Math.random() * 1_000_000);
  const secure = x.request.scheme === "https" ? "; Secure" : "";
  x.onReply("split", (same) =>
    same.reply?.headers.append(
      "set-cookie",
      `${name}=${drawn}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax${secure}`,
    ),
  );
  return drawn / 1_000_000;
};
