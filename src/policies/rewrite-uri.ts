import { z } from "zod";
import type { Exchange } from "../exchange/exchange.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  template: z.string().min(1).max(4096),
  "copy-unmatched-params": z.boolean().default(true),
});

/** Changes the path that the backend sees; see docs. */
export const rewriteUri: Policy = definePolicy({
  name: "rewrite-uri",
  group: "transformation",
  summary: "Changes the path and query that the backend sees.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`template\` | required | path and perhaps query below the backend's URL, such as \`/v2/orders/{orderId}?expand={expand}\`; or an expression that gives one |
| \`copy-unmatched-params\` | \`true\` | query parameters that the template does not use go along |

\`{name}\` stands for a parameter of the operation's path, else for a query parameter; its value is encoded anew, so that a slash in it stays within its segment. A parameter that is absent gives
nothing in the query, and is a fault of the policy in the path. A path in which a value makes a dot segment is refused with 400 \`request.path_invalid\`.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "Another shape", config: { template: "/api/v2/order/{orderId}" } },
    {
      title: "A path parameter becomes a query parameter",
      config: { template: "/order?id={orderId}", "copy-unmatched-params": false },
    },
  ],
  build: (config, tools) => {
    const template = tools.value(config.template, "string", ".template");
    const copies = config["copy-unmatched-params"];
    const known = template.constant === undefined ? undefined : templateOf(template.constant);
    if (known === null)
      tools.mistake(".template", "begins with a slash; braces come in pairs around a name; no fragment");
    return (x) => {
      const parts = known ?? templateOf(template.of(x));
      if (!parts) throw new RangeError("the template's expression gave no path");
      const used = new Set<string>();
      const path = fill(x, parts.path, used, true);
      if (path.split("/").some(isDotSegment)) return refuse("request.path_invalid");
      const query = parts.query
        .map(({ name, value }) => {
          used.add(name);
          return { name, value: fill(x, value, used, false) };
        })
        .filter(({ value }, index) => value !== "" || !parts.query[index]?.value.some((piece) => piece.isParameter))
        .map(({ name, value }) => `${name}=${value}`);
      if (copies)
        query.push(...x.request.upstreamQuery.split("&").filter((pair) => pair !== "" && !used.has(nameIn(pair))));
      x.request.upstreamPath = path;
      x.request.upstreamQuery = query.join("&");
      return undefined;
    };
  },
});

interface Piece {
  readonly isParameter: boolean;
  readonly text: string;
}

interface Template {
  readonly path: readonly Piece[];
  readonly query: readonly { readonly name: string; readonly value: readonly Piece[] }[];
}

/** Cuts a template into its pieces; null where it is none. */
const templateOf = (source: string): Template | null => {
  if (!source.startsWith("/") || !/^[\x21-\x7e]*$/.test(source) || source.includes("#")) return null;
  const queryAt = source.indexOf("?");
  const path = piecesOf(queryAt < 0 ? source : source.slice(0, queryAt));
  if (!path) return null;
  const query: { name: string; value: readonly Piece[] }[] = [];
  for (const pair of queryAt < 0 ? [] : source.slice(queryAt + 1).split("&")) {
    if (pair === "") continue;
    const equalsAt = pair.indexOf("=");
    const value = piecesOf(equalsAt < 0 ? "" : pair.slice(equalsAt + 1));
    if (!value) return null;
    query.push({ name: equalsAt < 0 ? pair : pair.slice(0, equalsAt), value });
  }
  return { path, query };
};

const piecesOf = (source: string): readonly Piece[] | null => {
  const pieces: Piece[] = [];
  for (const match of source.matchAll(/\{\*?([A-Za-z0-9_.~-]+)\}|[^{}]+|[{}]/g)) {
    if (match[1] !== undefined) pieces.push({ isParameter: true, text: match[1] });
    else if (match[0] === "{" || match[0] === "}") return null;
    else pieces.push({ isParameter: false, text: match[0] });
  }
  return pieces;
};

const fill = (x: Exchange, pieces: readonly Piece[], used: Set<string>, isPath: boolean): string => {
  let text = "";
  for (const piece of pieces) {
    if (!piece.isParameter) {
      text += piece.text;
      continue;
    }
    const params = x.request.params;
    const fromPath = Object.hasOwn(params, piece.text) ? params[piece.text] : undefined;
    const value = fromPath ?? x.request.queryParameter(piece.text);
    if (fromPath === undefined) used.add(piece.text);
    if (value === undefined && isPath) throw new RangeError(`the call has no parameter ${piece.text}`);
    text += encodeURIComponent(value ?? "");
  }
  return text;
};

/** RFC 3986 section 3.3 and 6.2.2: also where the dots are encoded. */
const isDotSegment = (segment: string): boolean => /^(\.|%2e){1,2}$/i.test(segment);

const nameIn = (pair: string): string => new URLSearchParams(pair).keys().next().value ?? "";
