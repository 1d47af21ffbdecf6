import { errors, type JWTPayload, jwtVerify, UnsecuredJWT } from "jose";
import { z } from "zod";
import { type BoundedMap, boundedMap } from "../base/bounded-map.ts";
import { contentHash } from "../base/canonical-json.ts";
import { callerOf, type Exchange, type StepResult } from "../exchange/exchange.ts";
import { definePolicy, type Policy, type PolicyTools, type Value } from "../exchange/policy.ts";
import {
  durationAttribute,
  headerNameAttribute,
  oneOrMany,
  statusAttribute,
  textValue,
  variableNameAttribute,
} from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";
import { type FetchedKeys, type RemoteKeys, remoteKeys } from "../exchange/remote-keys.ts";
import type { Reply } from "../exchange/reply.ts";
import {
  parseJwk,
  parseKeyText,
  signatureAlgorithms,
  suitingKeys,
  type VerificationKey,
} from "../exchange/signing-keys.ts";

const tokenCharactersMax = 16_384;
/** Verified tokens kept per configuration and thread, and the longest that is kept: at most 8 MB. */
const keptTokensMax = 2_000;
const keptTokenCharactersMax = 4_096;
/** Keys tried for a token that does not say which one signed it. */
const keysTriedMax = 10;
const clockSkewMsMax = 600_000;

/** A list, also as XML's nested elements have it: `{ issuer: [...] }`. */
const nested = <T extends z.ZodType>(element: string, entry: T, max: number) => {
  const list = oneOrMany(entry, max);
  return z.union([z.strictObject({ [element]: list }).transform((value) => Object.values(value)[0] ?? []), list]);
};
const httpUrl = z.url({ protocol: /^https?$/ });
const keySchema = z.union([
  z.string().min(1).max(20_000),
  z.strictObject({
    id: z.string().max(500).optional(),
    key: z.string().min(1).max(20_000).optional(),
    jwk: z.record(z.string(), z.unknown()).optional(),
    n: z.string().optional(),
    e: z.string().optional(),
    "certificate-id": z.unknown().optional(),
  }),
]);
const claimSchema = z.strictObject({
  name: z.string().min(1).max(500),
  match: z.enum(["all", "any"]).default("all"),
  separator: z.string().min(1).max(10).optional(),
  value: oneOrMany(textValue, 200).optional(),
});

const schema = z.strictObject({
  "header-name": headerNameAttribute.optional(),
  "query-parameter-name": z.string().min(1).max(100).optional(),
  "token-value": z.string().min(1).max(4096).optional(),
  "failed-validation-httpcode": statusAttribute.optional(),
  "failed-validation-error-message": z.string().max(1000).optional(),
  "require-expiration-time": z.boolean().default(true),
  "require-scheme": z.string().min(1).max(50).optional(),
  "require-signed-tokens": z.boolean().default(true),
  "clock-skew": durationAttribute.default(0),
  "output-token-variable-name": variableNameAttribute.optional(),
  "openid-config": nested(
    "url",
    z.union([httpUrl, z.strictObject({ url: httpUrl }).transform((value) => value.url)]),
    10,
  ).optional(),
  "jwks-url": oneOrMany(httpUrl, 10).optional(),
  algorithms: nested("algorithm", z.string(), 20).optional(),
  "issuer-signing-keys": nested("key", keySchema, 50).optional(),
  "decryption-keys": z.unknown().optional(),
  audiences: nested("audience", textValue, 100).optional(),
  issuers: nested("issuer", textValue, 100).optional(),
  "required-claims": nested("claim", claimSchema, 100).optional(),
});
type Config = z.infer<typeof schema>;

/** Lets only callers with a valid JSON Web Token pass; see docs. A token that was verified before costs one look-up. */
export const validateJwt: Policy = definePolicy({
  name: "validate-jwt",
  group: "authentication",
  summary: "Lets only callers with a valid JSON Web Token pass.",
  docs: `\`protect: jwt\` with \`jwt:\` in \`api.yaml\` stands for this policy.

| attribute | default | meaning |
| --- | --- | --- |
| \`header-name\`, \`query-parameter-name\` or \`token-value\` | the header \`Authorization\` | where the token is; \`token-value\` is an expression |
| \`require-scheme\` | \`Bearer\` for \`Authorization\` | the scheme in front of the token, compared without regard to case |
| \`openid-config\` | – | URLs of discovery documents; their keys count, and their issuers where \`issuers\` is absent |
| \`jwks-url\` | – | URLs of key sets |
| \`issuer-signing-keys\` | – | keys: PEM of a public key or certificate, base64 of a secret, or \`id\` with \`key\`, \`jwk\`, or \`n\` and \`e\` |
| \`algorithms\` | what the keys suit | accepted algorithms; \`none\` only with \`require-signed-tokens: false\` |
| \`issuers\`, \`audiences\` | any | accepted values of \`iss\` and \`aud\` |
| \`required-claims\` | none | each with \`name\`, \`value\`s, \`match\` all (default) or any, and \`separator\` for claims that hold a list in a text |
| \`require-expiration-time\` | \`true\` | a token without \`exp\` is refused |
| \`require-signed-tokens\` | \`true\` | with \`false\`, tokens with the algorithm \`none\` pass too: only behind something that has checked them |
| \`clock-skew\` | 0 | tolerance for \`exp\` and \`nbf\`, at most 10 minutes |
| \`failed-validation-httpcode\` | 401; 403 for claims | status of all refusals |
| \`failed-validation-error-message\` | what is wrong | what the caller reads as \`detail\` |
| \`output-token-variable-name\` | – | variable with \`header\`, \`claims\`, \`subject\`, \`issuer\`, \`audiences\`, \`expires\` |

Keys behind URLs are fetched when the first token comes, again every hour, and when a token names an unknown key, for that at most once in five minutes. If they cannot be refreshed, the old ones serve for
a day. After RFC 8725: a public key is never used as a secret, secrets are at least 32 bytes and RSA keys 2048 bits, key sets give no secrets, \`crit\` is refused, encrypted tokens are refused.
Verified tokens are remembered until they expire or the keys change.

Answers 401 \`token.missing\` and \`token.invalid\`, 403 \`token.claims_insufficient\`, 503 \`token.keys_unavailable\`. Afterwards \`caller.subject\` and \`caller.claims\` are set; what a key said about the caller stays.
\`decryption-keys\` and \`certificate-id\` are not available in this version.`,
  sections: ["inbound"],
  schema,
  examples: [
    {
      title: "An OpenID provider",
      config: {
        "openid-config": "https://login.example.com/.well-known/openid-configuration",
        audiences: ["orders-api"],
        "required-claims": { name: "scp", match: "any", separator: " ", value: ["orders.read", "orders.write"] },
      },
    },
    {
      title: "A shared secret",
      config: {
        "issuer-signing-keys": "bm90LWEtcmVhbC1zZWNyZXQtYnV0LTMyLWJ5dGVzLWxvbmc=",
        issuers: ["https://issuer.example.com"],
        "clock-skew": 30,
      },
    },
  ],
  build: (config, tools) => {
    const rules = rulesOf(config, tools);
    return (x) => {
      const token = tokenOf(x, rules);
      if (token === undefined) return rules.missing;
      const known = rules.verified.get(token);
      if (known !== undefined && isStillGood(known, rules, tools)) return accept(x, known, rules);
      return verify(x, token, rules, tools);
    };
  },
});

interface Rules {
  readonly config: Config;
  readonly header: string;
  readonly scheme: string | undefined;
  readonly tokenValue: Value<string> | undefined;
  readonly inlineKeys: readonly VerificationKey[];
  readonly remotes: readonly RemoteKeys[];
  readonly algorithms: ReadonlySet<string>;
  readonly issuers: readonly Value<string>[];
  readonly audiences: readonly Value<string>[];
  readonly claims: readonly {
    readonly claim: z.infer<typeof claimSchema>;
    readonly values: readonly Value<string>[];
  }[];
  readonly verified: BoundedMap<string, Verified>;
  readonly missing: Reply;
}

/** What is remembered of a token that passed. */
interface Verified {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: JWTPayload;
  readonly expiresAtMs: number;
  /** The sum of the key sets' generations at that time. */
  readonly generation: number;
}

const rulesOf = (config: Config, tools: PolicyTools): Rules => {
  const sources = [config["header-name"], config["query-parameter-name"], config["token-value"]];
  if (sources.filter((source) => source !== undefined).length > 1)
    tools.mistake("", "give one of `header-name`, `query-parameter-name` and `token-value`");
  if (config["decryption-keys"] !== undefined)
    tools.mistake(".decryption-keys", "`decryption-keys` is not available in this version");
  if (config["clock-skew"] > clockSkewMsMax) tools.mistake(".clock-skew", "at most 10 minutes");
  const header = config["header-name"] ?? "authorization";
  const isInHeader = config["query-parameter-name"] === undefined && config["token-value"] === undefined;
  const isAuthorization = isInHeader && header.toLowerCase() === "authorization";
  const scheme = config["require-scheme"] ?? (isAuthorization ? "Bearer" : undefined);
  const values = (list: readonly (string | number | boolean)[] | undefined, path: string): readonly Value<string>[] =>
    (list ?? []).map((value, index) => tools.value(value, "string", `${path}[${index}]`));
  const inlineKeys = inlineKeysOf(config, tools);
  const remotes = remotesOf(config, tools);
  if (inlineKeys.length + remotes.length === 0 && config["require-signed-tokens"])
    if (config["issuer-signing-keys"] === undefined)
      tools.mistake(
        "",
        "give `openid-config`, `jwks-url` or `issuer-signing-keys`: without keys no token can be checked",
      );
  return {
    config,
    header,
    scheme,
    tokenValue:
      config["token-value"] === undefined ? undefined : tools.value(config["token-value"], "string", ".token-value"),
    inlineKeys,
    remotes,
    algorithms: algorithmsOf(config, inlineKeys, tools),
    issuers: values(config.issuers, ".issuers"),
    audiences: values(config.audiences, ".audiences"),
    claims: (config["required-claims"] ?? []).map((claim, index) => ({
      claim,
      values: values(claim.value, `.required-claims[${index}].value`),
    })),
    // Equal configurations share what they have verified, also over a change of something else.
    verified: tools.shared(`validate-jwt verified ${contentHash(config)}`, () =>
      Object.assign(boundedMap<string, Verified>(keptTokensMax), { dispose: () => {} }),
    ),
    missing: refusal("token.missing", config, scheme ?? "Bearer", undefined),
  };
};

const inlineKeysOf = (config: Config, tools: PolicyTools): readonly VerificationKey[] => {
  const keys: VerificationKey[] = [];
  for (const [index, source] of (config["issuer-signing-keys"] ?? []).entries()) {
    const path = `.issuer-signing-keys[${index}]`;
    const key = inlineKey(source);
    if (typeof key === "string") tools.mistake(path, key);
    else keys.push(key);
  }
  return keys;
};

const inlineKey = (source: z.infer<typeof keySchema>): VerificationKey | string => {
  if (typeof source === "string") return parseKeyText(source, undefined);
  if (source["certificate-id"] !== undefined) return "`certificate-id` is not available in this version";
  if (source.key !== undefined) return parseKeyText(source.key, source.id);
  if (source.jwk !== undefined) return parseJwk({ kid: source.id, ...source.jwk }, true);
  if (source.n !== undefined && source.e !== undefined)
    return parseJwk({ kty: "RSA", kid: source.id, n: base64url(source.n), e: base64url(source.e) }, false);
  return "give `key`, `jwk`, or `n` and `e`";
};

const base64url = (text: string): string => text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const remotesOf = (config: Config, tools: PolicyTools): readonly RemoteKeys[] => {
  const urls = [
    ...(config["openid-config"] ?? []).map((url) => ({ url, kind: "openid" as const })),
    ...(config["jwks-url"] ?? []).map((url) => ({ url, kind: "jwks" as const })),
  ];
  return urls.map(({ url, kind }) =>
    tools.shared(`validate-jwt ${kind} ${url}`, () =>
      Object.assign(remoteKeys(url, kind, tools), { dispose: () => {} }),
    ),
  );
};

/** By default what the configured keys suit; sets behind URLs give only public keys. */
const algorithmsOf = (config: Config, keys: readonly VerificationKey[], tools: PolicyTools): ReadonlySet<string> => {
  const allowsNone = !config["require-signed-tokens"];
  if (config.algorithms !== undefined) {
    for (const [index, name] of config.algorithms.entries()) {
      if (Object.hasOwn(signatureAlgorithms, name)) continue;
      const isNone = name === "none" && allowsNone;
      if (!isNone) tools.mistake(`.algorithms[${index}]`, `one of ${Object.keys(signatureAlgorithms).join(", ")}`);
    }
    return new Set(config.algorithms);
  }
  const names = Object.entries(signatureAlgorithms)
    .filter(([, row]) => !row.isSymmetric || keys.some((key) => row.suits(key.key)))
    .map(([name]) => name);
  return new Set(allowsNone ? [...names, "none"] : names);
};

const tokenOf = (x: Exchange, rules: Rules): string | undefined => {
  const { config } = rules;
  if (config["query-parameter-name"] !== undefined) return x.request.queryParameter(config["query-parameter-name"]);
  const raw = rules.tokenValue === undefined ? x.request.headers.get(rules.header) : rules.tokenValue.of(x);
  if (raw === undefined || raw === "") return undefined;
  const spaceAt = raw.indexOf(" ");
  if (rules.scheme === undefined) {
    const isBearer = spaceAt === 6 && raw.slice(0, 6).toLowerCase() === "bearer";
    return isBearer ? raw.slice(7).trim() : raw;
  }
  // Another scheme's credentials are no token: the caller may have sent them for something else.
  if (spaceAt < 0 || raw.slice(0, spaceAt).toLowerCase() !== rules.scheme.toLowerCase()) return undefined;
  return raw.slice(spaceAt + 1).trim();
};

const generationOf = (rules: Rules): number => {
  let sum = 0;
  for (const remote of rules.remotes) sum += remote.current()?.generation ?? 0;
  return sum;
};

const isStillGood = (known: Verified, rules: Rules, tools: PolicyTools): boolean =>
  known.expiresAtMs > tools.clock.nowMs() && known.generation === generationOf(rules);

const accept = (x: Exchange, verified: Verified, rules: Rules): StepResult => {
  // Claims, issuers and audiences may be compared with expressions, so they are asked for every call.
  const wrong = claimsMistake(x, verified.payload, rules);
  if (wrong !== undefined) return wrong;
  const { payload } = verified;
  const subject = payload.sub ?? "";
  x.caller =
    x.caller === null ? callerOf({ kind: "jwt", subject, claims: payload }) : { ...x.caller, subject, claims: payload };
  const variable = rules.config["output-token-variable-name"];
  if (variable !== undefined)
    x.variables.set(variable, {
      header: verified.header,
      claims: payload,
      subject,
      issuer: payload.iss ?? "",
      audiences: payload.aud === undefined ? [] : [payload.aud].flat(),
      expires: payload.exp ?? null,
    });
  return undefined;
};

const verify = async (x: Exchange, token: string, rules: Rules, tools: PolicyTools): Promise<StepResult> => {
  const { config } = rules;
  const invalid = (why: string): Reply => refusal("token.invalid", config, rules.scheme ?? "Bearer", why);
  const head = headOf(token);
  if (typeof head === "string") return invalid(head);
  if (!rules.algorithms.has(head.algorithm)) return invalid("the algorithm is not accepted");
  const options = {
    clockTolerance: config["clock-skew"] / 1000,
    currentDate: new Date(tools.clock.nowMs()),
    requiredClaims: config["require-expiration-time"] ? ["exp"] : [],
  };
  if (head.algorithm === "none") {
    try {
      const { payload, header } = UnsecuredJWT.decode(token, options);
      return accept(x, { header, payload, expiresAtMs: 0, generation: 0 }, rules);
    } catch (thrown) {
      return invalid(reasonOf(thrown));
    }
  }
  const sets: (FetchedKeys | undefined)[] = [];
  for (const remote of rules.remotes) sets.push(remote.current() ?? (await remote.load()));
  let keys = suitingKeys(allKeys(rules, sets), head.algorithm, head.keyId);
  if (keys.length === 0 && rules.remotes.length > 0) {
    // Perhaps the issuer has new keys since the last fetch.
    for (const [index, remote] of rules.remotes.entries()) sets[index] = (await remote.reload()) ?? sets[index];
    keys = suitingKeys(allKeys(rules, sets), head.algorithm, head.keyId);
    if (keys.length === 0 && rules.inlineKeys.length === 0 && sets.every((set) => set === undefined))
      return refuse("token.keys_unavailable", { headers: [["Retry-After", "10"]] });
  }
  let why = "no key of that kind and id";
  for (const candidate of keys.slice(0, keysTriedMax)) {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, candidate.key, {
        ...options,
        algorithms: [head.algorithm],
      });
      const verified: Verified = {
        header: { ...protectedHeader },
        payload,
        expiresAtMs: payload.exp === undefined ? 0 : payload.exp * 1000 + config["clock-skew"],
        generation: generationOf(rules),
      };
      const foreign = issuerMistake(payload, candidate, rules, sets);
      if (foreign !== undefined) return invalid(foreign);
      if (token.length <= keptTokenCharactersMax && payload.exp !== undefined) rules.verified.set(token, verified);
      return accept(x, verified, rules);
    } catch (thrown) {
      if (!(thrown instanceof errors.JOSEError)) throw thrown;
      why = reasonOf(thrown);
      // Any other finding than a wrong signature was made on a token that is signed: further keys cannot change it.
      if (!(thrown instanceof errors.JWSSignatureVerificationFailed)) break;
    }
  }
  return invalid(why);
};

/** A key, and whose it is where that is known. */
interface CandidateKey extends VerificationKey {
  readonly issuer?: string | undefined;
}

const allKeys = (rules: Rules, sets: readonly (FetchedKeys | undefined)[]): readonly CandidateKey[] =>
  sets.length === 0
    ? rules.inlineKeys
    : [
        ...rules.inlineKeys,
        ...sets.flatMap((set) => (set?.keys ?? []).map((key) => ({ ...key, issuer: set?.issuer }))),
      ];

/** Reads a token's head before anything is verified; a text says what is wrong. */
const headOf = (token: string): { readonly algorithm: string; readonly keyId: string | undefined } | string => {
  if (token.length > tokenCharactersMax) return "the token is too long";
  const parts = token.split(".");
  if (parts.length === 5) return "encrypted tokens are not accepted";
  if (parts.length !== 3 || !/^[A-Za-z0-9_-]+$/.test(parts[0] ?? "")) return "not a JSON Web Token";
  let head: unknown;
  try {
    head = JSON.parse(Buffer.from(parts[0] ?? "", "base64url").toString("utf8"));
  } catch {
    return "not a JSON Web Token";
  }
  if (head === null || typeof head !== "object" || !("alg" in head) || typeof head.alg !== "string")
    return "the token names no algorithm";
  // RFC 7515 section 4.1.11: no extension is understood here, so none may be critical.
  if ("crit" in head) return "the token has critical extensions";
  if ("b64" in head) return "the token has an unencoded payload";
  return { algorithm: head.alg, keyId: "kid" in head && typeof head.kid === "string" ? head.kid : undefined };
};

/**
 * A key vouches only for its own issuer (RFC 8725 section 3.8): without configured issuers the token must name the one whose discovery
 * document gave the key; with them, it must not name another whose document is configured as well.
 */
const issuerMistake = (
  payload: JWTPayload,
  key: CandidateKey,
  rules: Rules,
  sets: readonly (FetchedKeys | undefined)[],
): string | undefined => {
  const isOwn = key.issuer === payload.iss;
  const isAnothers = !isOwn && sets.some((set) => set?.issuer !== undefined && set.issuer === payload.iss);
  const isUnnamed = !isOwn && key.issuer !== undefined && rules.issuers.length === 0;
  return isAnothers || isUnnamed ? "the issuer is not accepted" : undefined;
};

const claimsMistake = (x: Exchange, payload: JWTPayload, rules: Rules): Reply | undefined => {
  const { config } = rules;
  const scheme = rules.scheme ?? "Bearer";
  if (rules.issuers.length > 0 && !rules.issuers.some((issuer) => issuer.of(x) === payload.iss))
    return refusal("token.invalid", config, scheme, "the issuer is not accepted");
  if (rules.audiences.length > 0) {
    const audiences = payload.aud === undefined ? [] : [payload.aud].flat();
    if (!rules.audiences.some((audience) => audiences.includes(audience.of(x))))
      return refusal("token.invalid", config, scheme, "the audience is not accepted");
  }
  for (const { claim, values } of rules.claims) {
    const held = heldValues(payload, claim.name, claim.separator);
    const isIn = (value: Value<string>): boolean => held.includes(value.of(x));
    const suffices =
      values.length === 0 ? held.length > 0 : claim.match === "all" ? values.every(isIn) : values.some(isIn);
    if (!suffices)
      return refusal("token.claims_insufficient", config, scheme, `the claim ${claim.name} is not sufficient`);
  }
  return undefined;
};

const heldValues = (payload: JWTPayload, name: string, separator: string | undefined): readonly string[] => {
  const claim: unknown = Object.hasOwn(payload, name) ? payload[name] : undefined;
  if (claim === undefined || claim === null) return [];
  if (Array.isArray(claim)) return claim.map(String);
  if (typeof claim === "object") return [JSON.stringify(claim)];
  return separator === undefined ? [String(claim)] : String(claim).split(separator);
};

const refusal = (
  code: "token.missing" | "token.invalid" | "token.claims_insufficient",
  config: Config,
  scheme: string,
  why: string | undefined,
): Reply => {
  const status = config["failed-validation-httpcode"];
  const detail =
    config["failed-validation-error-message"] ?? (why === undefined ? undefined : `Token refused: ${why}.`);
  // RFC 6750 section 3: without credentials only the scheme, else the error.
  const error = code === "token.claims_insufficient" ? "insufficient_scope" : "invalid_token";
  const challenge =
    why === undefined
      ? scheme
      : `${scheme} error="${error}", error_description="${why.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "")}"`;
  return refuse(code, {
    ...(status === undefined ? {} : { status }),
    ...(detail === undefined ? {} : { detail }),
    headers: [["WWW-Authenticate", challenge]],
  });
};

/** What a caller may know of a finding: jose's texts of claims and expiry name no secret; the rest is one word. */
const reasonOf = (thrown: unknown): string => {
  if (thrown instanceof errors.JWTExpired) return "the token has expired";
  if (thrown instanceof errors.JWTClaimValidationFailed)
    return thrown.claim === "nbf"
      ? "the token is not valid yet"
      : `the claim ${thrown.claim} is missing or not acceptable`;
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return "the signature is wrong";
  return "not a JSON Web Token that can be checked";
};
