import { z } from "zod";
import { basicCredentials } from "../exchange/basic-credentials.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { headerEdit, headerEditSchema } from "../exchange/header-edit.ts";
import { plainHeaders, tokenPattern } from "../exchange/headers.ts";
import type { FetchOptions, PolicyTools } from "../exchange/policy.ts";
import { durationAttribute, oneOrMany } from "../exchange/policy-schema.ts";
import { bodyFrom, bodySource, mediaTypeOf } from "./body-value.ts";

/** Bytes of the client's body that `mode: copy` takes, and of an answer that is kept. */
const sideCallBodyBytesMax = 4 * 1024 * 1024;

/** What `send-request` and `send-one-way-request` have in common. */
export const sideCallAttributes = {
  mode: z.enum(["new", "copy"]).default("new"),
  timeout: durationAttribute.default(60_000),
  "set-url": z.string().min(1).max(4096).optional(),
  "set-method": z.string().min(1).max(4096).optional(),
  "set-header": oneOrMany(headerEditSchema, 100).optional(),
  "set-body": z.unknown().optional(),
  "authentication-basic": z.strictObject({ username: z.string().max(4096), password: z.string().max(4096) }).optional(),
} as const;
const sideCallSchema = z.object(sideCallAttributes);

/** A call beside the exchange, ready to be made. */
export interface SideCall {
  readonly url: string;
  readonly options: FetchOptions;
}

/** Fields that belong to the client's connection or message and do not go along with a copy. */
const ownFields = new Set([
  "host",
  "content-length",
  "expect",
  "te",
  "trailer",
  "proxy-authorization",
  "accept-encoding",
]);
const hopFields = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** Builds what makes the call of an exchange; mistakes are reported. Waits only where a copy needs the client's body. */
export const sideCall = (
  config: z.infer<typeof sideCallSchema>,
  tools: PolicyTools,
): ((x: Exchange) => SideCall | Promise<SideCall>) => {
  const isCopy = config.mode === "copy";
  if (config["set-url"] === undefined) tools.mistake(".set-url", "the URL of the call is needed");
  const url = tools.value(config["set-url"] ?? "", "string", ".set-url");
  if (url.constant !== undefined && config["set-url"] !== undefined && !isHttpUrl(url.constant))
    tools.mistake(".set-url", "a URL that begins with http:// or https://");
  const method = tools.value(config["set-method"] ?? (isCopy ? "=request.method" : "GET"), "string", ".set-method");
  if (method.constant !== undefined && !tokenPattern.test(method.constant))
    tools.mistake(".set-method", "not a legal method");
  const edits = (config["set-header"] ?? []).map((edit, index) => headerEdit(edit, `.set-header[${index}]`, tools));
  const body =
    config["set-body"] === undefined ? undefined : tools.value(bodySource(config["set-body"]), "any", ".set-body");
  const basic = config["authentication-basic"];
  const username = basic && tools.value(basic.username, "string", ".authentication-basic.username");
  const password = basic && tools.value(basic.password, "string", ".authentication-basic.password");

  const make = (x: Exchange, copied: Uint8Array | undefined): SideCall => {
    const headers = plainHeaders(isCopy ? copyable(x) : []);
    if (username && password) headers.set("authorization", basicCredentials(username.of(x), password.of(x)));
    for (const edit of edits) edit.apply(x, headers);
    const value = body?.of(x);
    if (body !== undefined && !headers.has("content-type")) headers.set("content-type", mediaTypeOf(value));
    const content = body === undefined ? copied : bodyFrom(value);
    const target = url.of(x);
    if (!isHttpUrl(target)) throw new RangeError("the URL of the call does not begin with http:// or https://");
    return {
      url: target,
      options: {
        method: method.of(x).toUpperCase(),
        headers: Object.fromEntries(headers.entries()),
        ...(content === undefined || content.length === 0 ? {} : { body: content }),
        timeoutMs: config.timeout,
        bytesMax: sideCallBodyBytesMax,
      },
    };
  };
  return (x) => {
    if (!isCopy || body !== undefined || x.request.body.isEmpty) return make(x, undefined);
    return x.request.body.read(sideCallBodyBytesMax).then((copied) => make(x, copied));
  };
};

const copyable = (x: Exchange): readonly (readonly [string, string])[] =>
  x.request.headers.entries().filter(([name]) => {
    const lower = name.toLowerCase();
    return !ownFields.has(lower) && !hopFields.has(lower);
  });

const isHttpUrl = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? "");
