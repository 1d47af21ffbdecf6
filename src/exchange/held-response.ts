import { isJsonType } from "./changed-body.ts";
import type { FetchedReply } from "./policy.ts";

/** The answer to a call beside the exchange, as a variable holds it: what expressions read. */
export interface HeldResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** The parsed body where it is JSON, else null. */
  readonly json: unknown;
}

const bytes = new WeakMap<object, Uint8Array>();

/** Makes the value of `response-variable-name`. Whole numbers are integers for expressions, at any depth. */
export const heldResponse = (fetched: FetchedReply): HeldResponse => {
  const text = Buffer.from(fetched.body).toString("utf8");
  const held = {
    status: fetched.status,
    headers: new Map(fetched.headers),
    body: text,
    json: jsonOf(text, fetched.headers.get("content-type") ?? ""),
  };
  bytes.set(held, fetched.body);
  return held;
};

/** What such a variable was made of, for a policy that answers with it; undefined for any other value. */
export const heldBytes = (value: unknown): { readonly held: HeldResponse; readonly body: Uint8Array } | undefined => {
  if (value === null || typeof value !== "object") return undefined;
  const body = bytes.get(value);
  // Only values made here are in the map.
  return body === undefined ? undefined : { held: value as HeldResponse, body };
};

const jsonOf = (text: string, contentType: string): unknown => {
  if (text === "" || !isJsonType(contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "")) return null;
  try {
    return JSON.parse(text, (_key, value: unknown) =>
      typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value,
    );
  } catch {
    // It says JSON and is none: who asks finds null, and the text.
    return null;
  }
};
