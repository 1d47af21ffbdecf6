import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";

/** The header in which a caller brings a token. */
export const explainHeader = "Portico-Explain";
/** Tells the caller of an explained call under which id its explanation is kept. */
export const explainIdHeader = "Portico-Explain-Id";
/** Tells the caller why its token did not count: `invalid`, `expired`, `other-api`, `too-many`. */
export const explainRefusedHeader = "Portico-Explain-Refused";

/** The longest that a token may live. */
export const explainSecondsMax = 3600;
/** The most of each body that a token may ask for. */
export const explainBodyBytesMax = 16_384;

const claimsSchema = z.strictObject({
  /** The API whose calls may be explained. */
  api: z.string().min(1).max(200),
  /** Seconds since 1970. */
  exp: z.int().min(0),
  iat: z.int().min(0),
  /** Bytes of each body that are recorded; 0: none. */
  bodies: z.int().min(0).max(explainBodyBytesMax),
});
export type ExplainClaims = z.infer<typeof claimsSchema>;

/** RFC 7515 compact form with one fixed head: nobody chooses an algorithm. */
const head = Buffer.from('{"alg":"EdDSA","typ":"portico-explain+jwt"}').toString("base64url");
const tokenLengthMax = 1024;
/** What stands before the seed of an Ed25519 key in PKCS #8 (RFC 8410). */
const pkcs8Begin = Buffer.from("302e020100300506032b657004220420", "hex");

/** The signing key that a seed of 32 bytes stands for. */
export const explainSigningKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8Begin, seed]), format: "der", type: "pkcs8" });

/** What gateways need to verify: SPKI in base64. */
export const explainPublicKeyText = (key: KeyObject): string =>
  createPublicKey(key).export({ format: "der", type: "spki" }).toString("base64");

/** Reads what `explainPublicKeyText` wrote; throws where it is no such key. */
export const readExplainPublicKey = (text: string): KeyObject =>
  createPublicKey({ key: Buffer.from(text, "base64"), format: "der", type: "spki" });

/** A token with these claims. */
export const signExplainToken = (claims: ExplainClaims, key: KeyObject): string => {
  const signed = `${head}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
};

/** The claims of a token that the key signed, whether it has expired or not; null for everything else. Costs about 0.1 ms. */
export const readExplainToken = (token: string, key: KeyObject): ExplainClaims | null => {
  if (token.length > tokenLengthMax) return null;
  const [begin, claims, signature, ...more] = token.split(".");
  if (begin !== head || claims === undefined || signature === undefined || more.length > 0) return null;
  if (!verify(null, Buffer.from(`${begin}.${claims}`), key, Buffer.from(signature, "base64url"))) return null;
  const parsed = claimsSchema.safeParse(parseJson(Buffer.from(claims, "base64url").toString("utf8")));
  return parsed.success && parsed.data.exp - parsed.data.iat <= explainSecondsMax ? parsed.data : null;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // Signed by us and yet no JSON: not a token.
    return undefined;
  }
};
