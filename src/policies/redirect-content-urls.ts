import { z } from "zod";
import { changeBody, plainStream } from "../exchange/changed-body.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { type Replacement, replacedText } from "../exchange/replaced-text.ts";
import { sectionMessage } from "../exchange/section-message.ts";

/** Rewrites the backend's URLs in a body to the gateway's; see docs. */
export const redirectContentUrls: Policy = definePolicy({
  name: "redirect-content-urls",
  group: "transformation",
  summary:
    "Rewrites URLs in the body: the backend's to the gateway's in a reply, the gateway's to the backend's in a request.",
  docs: `Has no attributes. In outbound every URL that begins with the backend's base URL begins with the API's URL as the client called it (scheme, \`Host\`, path) instead; in inbound it is the other way round.
URLs whose slashes JSON has escaped (\`http:\\/\\/\`) are found too. \`Location\` and other header fields stay as they are: use \`set-header\`. The body passes as with \`find-and-replace\`.`,
  sections: ["inbound", "outbound"],
  schema: z.strictObject({}),
  examples: [{ title: "Links that lead back to the gateway", config: {} }],
  build: (_config, tools) => {
    const message = sectionMessage(tools.section);
    const isOnReply = tools.section === "outbound";
    return (x) => {
      const target = message(x);
      if (target === null || target.body.isEmpty) return;
      const backends = x.backendUrl === null ? tools.baseUrlsOf(x.route.operation, x.backend) : [x.backendUrl];
      const own = publicUrl(x);
      const replacements = backends.map(withoutSlash).flatMap((url) => pairs(isOnReply ? [url, own] : [own, url]));
      if (replacements.length === 0) return;
      const stream = plainStream(target);
      if (stream !== undefined) changeBody(target, replacedText(stream, replacements));
    };
  },
});

const publicUrl = (x: Exchange): string => `${x.request.scheme}://${x.request.host}${withoutSlash(x.route.apiPath)}`;

const withoutSlash = (url: string): string => url.replace(/\/$/, "");

const pairs = ([from, to]: readonly [string, string]): readonly Replacement[] => [
  { from, to, isWholeHost: true },
  { from: escapedSlashes(from), to: escapedSlashes(to), isWholeHost: true },
];

const escapedSlashes = (url: string): string => url.replaceAll("/", "\\/");
