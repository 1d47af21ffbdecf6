import { z } from "zod";
import { type IpRange, ipMatcher, parseIp, parseIpBlock, parseIpRange } from "../base/ip-address.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  action: z.enum(["allow", "forbid"]),
  address: oneOrMany(z.string().max(50), 10_000).optional(),
  "address-range": oneOrMany(z.strictObject({ from: z.string().max(45), to: z.string().max(45) }), 10_000).optional(),
});

/** Lets only some addresses pass, or all but some; see docs. Costs a binary search. */
export const ipFilter: Policy = definePolicy({
  name: "ip-filter",
  group: "authentication",
  summary: "Allows or forbids client addresses and ranges of them.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`action\` | required | \`allow\`: only the listed addresses pass; \`forbid\`: all others pass |
| \`address\` | – | an address or a block (\`10.0.0.0/8\`, \`2001:db8::/32\`), or a list of them |
| \`address-range\` | – | \`from\` and \`to\`, both included, or a list of such |

The address is the client's as the gateway knows it: the connection's, or from \`Forwarded\` and \`X-Forwarded-For\` where a trusted proxy sent it. IPv4 addresses mapped into IPv6 count as IPv4, and
a block of IPv6 never holds IPv4 addresses. An address that cannot be read is refused. Refusals are 403 \`caller.address_forbidden\`.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "Only the office", config: { action: "allow", address: ["203.0.113.0/24", "2001:db8:1::/48"] } },
    {
      title: "Not from there",
      config: { action: "forbid", "address-range": { from: "198.51.100.10", to: "198.51.100.20" } },
    },
  ],
  build: (config, tools) => {
    const ranges: IpRange[] = [];
    for (const [index, text] of (config.address ?? []).entries()) {
      const block = parseIpBlock(text);
      if (block) ranges.push(block);
      else tools.mistake(`.address[${index}]`, "neither an address nor a block such as 10.0.0.0/8");
    }
    for (const [index, { from, to }] of (config["address-range"] ?? []).entries()) {
      const range = parseIpRange(from, to);
      if (range) ranges.push(range);
      else tools.mistake(`.address-range[${index}]`, "`from` and `to` are addresses of one version, in order");
    }
    if (config.address === undefined && config["address-range"] === undefined)
      tools.mistake(".address", "at least one `address` or `address-range`");
    const holds = ipMatcher(ranges);
    const allows = config.action === "allow";
    const refusal = refuse("caller.address_forbidden");
    return (x) => {
      const ip = parseIp(x.request.clientIp);
      return ip !== undefined && holds(ip) === allows ? undefined : refusal;
    };
  },
});
