import { Liquid, type Template } from "liquidjs";
import { messageOf } from "../base/fault.ts";
import { isJsonType, isXmlType, mediaTypeOf, plainText } from "../exchange/changed-body.ts";
import type { Exchange, ExchangeReply, ExchangeRequest } from "../exchange/exchange.ts";
import type { PolicyTools } from "../exchange/policy.ts";
import { xmlValue } from "../exchange/xml-value.ts";
import { expressionNouns } from "./environment.ts";
import { plainValue } from "./plain-value.ts";
import { Scope } from "./scope.ts";

/** A Liquid template that is ready to be rendered. */
export interface LiquidTemplate {
  /** Rejects where the template fails or takes too long, and where the body that it uses cannot be read. */
  render(x: Exchange, message: ExchangeRequest | ExchangeReply): Promise<string>;
}

const templateCharactersMax = 256 * 1024;
const renderMsMax = 100;
const renderedCharactersMax = 32 * 1024 * 1024;

const engine = new Liquid({
  ownPropertyOnly: true,
  strictFilters: true,
  // Partials come from this empty list, never from a disk.
  templates: {},
  relativeReference: false,
  timezoneOffset: 0,
  locale: "en",
  parseLimit: templateCharactersMax,
  renderLimit: renderMsMax,
  memoryLimit: renderedCharactersMax,
});

/** Compiles a template; mistakes are reported at `.value`. `isNilNull`: `xsi:nil` elements are null rather than an empty text. */
export const liquidTemplate = (
  source: unknown,
  tools: PolicyTools,
  { isNilNull }: { readonly isNilNull: boolean },
): LiquidTemplate => {
  let parsed: Template[] = [];
  if (typeof source !== "string") tools.mistake(".value", "a template is a text");
  else {
    try {
      parsed = engine.parse(source);
    } catch (thrown) {
      tools.mistake(".value", messageOf(thrown));
    }
  }
  const usesBody = typeof source === "string" && /\bbody\b/.test(source);
  return {
    render: async (x, message) => {
      const body = usesBody ? await bodyOf(message, isNilNull) : null;
      return String(engine.renderSync(parsed, { ...nounsOf(x, tools), body }));
    },
  };
};

const bodyOf = async (message: ExchangeRequest | ExchangeReply, isNilNull: boolean): Promise<unknown> => {
  if (message.body.isEmpty) return null;
  const text = await plainText(message);
  const mediaType = mediaTypeOf(message.headers);
  if (isJsonType(mediaType)) return text === "" ? null : JSON.parse(text);
  if (!isXmlType(mediaType)) return text;
  return xmlValue(text, { kind: "javascript-friendly", isAlwaysList: false, nil: isNilNull ? null : "" });
};

/** The nouns of expressions as plain objects; bodies come only as `body`. */
const nounsOf = (x: Exchange, tools: PolicyTools): Readonly<Record<string, unknown>> => {
  const scope = new Scope(x, tools.clock);
  const nouns: Record<string, unknown> = { variables: plainValue(new Map(scope.variables)), now: scope.now };
  for (const { name, fields } of expressionNouns) {
    const view: unknown = Reflect.get(scope, name);
    if (view === null || typeof view !== "object") continue;
    const names = Object.keys(fields).filter((field) => field !== "body" && field !== "json");
    nouns[name] = Object.fromEntries(names.map((field) => [field, plainValue(mapOf(Reflect.get(view, field)))]));
  }
  return nouns;
};

/** A lazy map walked once; everything else as it is. */
const mapOf = (value: unknown): unknown => (value instanceof Map ? new Map(value) : value);
