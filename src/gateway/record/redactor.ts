import type { Caller } from "../../exchange/exchange.ts";
import { isSecretName, redacted, withoutCredentials } from "../../exchange/secret-text.ts";

/** Claims that a record may show; of others only the names. */
const shownClaims = ["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "scp", "azp", "client_id"] as const;

/** A shorter value is no secret, and taking it out everywhere would make the rest unreadable. */
const learnedLengthMin = 6;
const learnedMax = 200;
const claimDepthMax = 4;

/** Which names carry the keys of an API, and what its secrets are. */
export interface SecretNames {
  readonly keyHeaders: readonly string[];
  readonly keyQueryParameters: readonly string[];
  /** Secret named values. */
  readonly secrets: readonly string[];
  redact(text: string): string;
}

/**
 * Takes secrets out of what is recorded of one call. What it sees under the name of a secret it remembers for the length of the call, so
 * that the same value is taken out wherever a policy has copied it to.
 */
export interface Redactor {
  /** The call has reached an API: its key names and named secrets are known now. */
  reach(names: SecretNames): void;
  /** Looks at fields for values that are secret. */
  learnHeaders(fields: readonly (readonly [name: string, value: string])[]): void;
  learnQuery(query: string): void;
  learnCaller(caller: Caller): void;
  header(name: string, value: string): string;
  query(query: string): string;
  /** A value under a name, cut at `lengthMax`. */
  value(name: string, value: unknown, lengthMax: number): string;
  text(text: string): string;
}

/** A redactor for one call. */
export const createRedactor = (): Redactor => {
  let names: SecretNames = { keyHeaders: [], keyQueryParameters: [], secrets: [], redact: (text) => text };
  const learned = new Set<string>();
  let pattern: RegExp | null = null;

  const learn = (secret: string): void => {
    if (secret.length < learnedLengthMin || learned.size >= learnedMax) return;
    for (const form of [
      secret,
      encodeURIComponent(secret.toWellFormed()),
      JSON.stringify(secret).slice(1, -1),
      base64(secret),
    ])
      learned.add(form);
    pattern = null;
  };

  const isSecretHeader = (name: string): boolean =>
    isSecretName(name) || names.keyHeaders.some((known) => known.toLowerCase() === name.toLowerCase());
  const isSecretParameter = (name: string): boolean => isSecretName(name) || names.keyQueryParameters.includes(name);

  const learnHeader = (name: string, value: string): void => {
    if (!isSecretHeader(name)) return;
    learn(value);
    const lower = name.toLowerCase();
    if (lower === "cookie") for (const pair of value.split(";")) learn(afterEquals(pair));
    else if (lower === "set-cookie") learn(afterEquals(value.split(";", 1)[0] ?? ""));
    else if (lower.endsWith("authorization")) {
      const credential = value.slice(value.indexOf(" ") + 1).trim();
      learn(credential);
      if (!/^basic /i.test(value)) return;
      const pair = Buffer.from(credential, "base64").toString("utf8");
      learn(pair);
      learn(pair.slice(pair.indexOf(":") + 1));
    }
  };

  const redactText = (text: string): string => {
    if (learned.size > 0) {
      // The longest first: a secret that holds another one must go as a whole.
      pattern ??= new RegExp(
        [...learned]
          .sort((a, b) => b.length - a.length)
          .map(RegExp.escape)
          .join("|"),
        "g",
      );
      text = text.replace(pattern, redacted);
    }
    return withoutCredentials(names.redact(text));
  };

  const redactor: Redactor = {
    reach: (known) => {
      names = known;
      // As they stand `redact` finds them; here also as a policy may have encoded them.
      for (const secret of known.secrets) learn(secret);
    },
    learnHeaders: (fields) => {
      for (const [name, value] of fields) learnHeader(name, value);
    },
    learnQuery: (query) => {
      for (const part of query === "" ? [] : query.split("&")) {
        const [name, value] = pairOf(part);
        if (!isSecretParameter(decoded(name))) continue;
        learn(value);
        learn(decoded(value));
      }
    },
    learnCaller: ({ claims, subject }) => {
      for (const [name, value] of Object.entries(claims)) {
        if (shownClaims.some((shown) => shown === name)) continue;
        for (const text of textsIn(value, claimDepthMax)) if (text !== subject) learn(text);
      }
    },
    header: (name, value) => {
      if (!isSecretHeader(name)) return redactText(value);
      const scheme = name.toLowerCase().endsWith("authorization")
        ? (/^[A-Za-z-]{1,20}(?= )/.exec(value)?.[0] ?? "")
        : "";
      return scheme === "" ? redacted : `${scheme} ${redacted}`;
    },
    query: (query) =>
      query
        .split("&")
        .map((part) => {
          const [name] = pairOf(part);
          return isSecretParameter(decoded(name)) ? `${redactText(name)}=${redacted}` : redactText(part);
        })
        .join("&"),
    value: (name, value, lengthMax) => {
      if (isSecretName(name) && value !== null && value !== "" && value !== undefined) return redacted;
      return cut(redactText(textOf(value, lengthMax)), lengthMax);
    },
    text: redactText,
  };
  return redactor;
};

/** What a record may show of a caller, flat. */
export const shownCaller = (caller: Caller): Record<string, string> => {
  const shown: Record<string, string> = {};
  for (const name of ["kind", "subscription", "application", "organization", "product", "plan", "subject"] as const)
    if (caller[name] !== "") shown[name] = caller[name];
  const others: string[] = [];
  for (const [name, value] of Object.entries(caller.claims)) {
    if (shownClaims.some((known) => known === name)) shown[`claims.${name}`] = textOf(value, 500);
    else others.push(name);
  }
  if (others.length > 0) shown["other claims"] = others.join(", ");
  return shown;
};

/** A text with a mark where it was cut. */
export const cut = (text: string, lengthMax: number): string =>
  text.length > lengthMax ? `${text.slice(0, lengthMax)}...` : text;

const base64 = (text: string): string => Buffer.from(text).toString("base64").replace(/=+$/, "");

const afterEquals = (pair: string): string => pair.slice(pair.indexOf("=") + 1).trim();

const pairOf = (part: string): readonly [string, string] => {
  const equals = part.indexOf("=");
  return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // Not percent-encoded as it should be: the text itself is the name.
    return text;
  }
};

/** Values below secret names inside an object are redacted too; what is deeper than a few levels is left out. */
const textOf = (value: unknown, lengthMax: number): string => {
  if (typeof value === "string") return value;
  if (value === undefined) return "";
  if (value === null || typeof value !== "object") return String(value);
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  try {
    const text = JSON.stringify(value, (name, member: unknown) => {
      if (name !== "" && isSecretName(name)) return redacted;
      // The contents of a token, wherever a policy has put them.
      if (name === "claims") return "[claims]";
      return typeof member === "bigint" ? String(member) : member;
    });
    return (text ?? "").slice(0, lengthMax * 8);
  } catch {
    // A cycle, or a value with a mind of its own.
    return `[${value.constructor?.name ?? "object"}]`;
  }
};

const textsIn = (value: unknown, depthLeft: number): readonly string[] => {
  if (typeof value === "string") return [value];
  if (value === null || typeof value !== "object" || depthLeft === 0) return [];
  return Object.values(value).flatMap((member) => textsIn(member, depthLeft - 1));
};
