import { createPublicKey, createSecretKey, type KeyObject, type webcrypto, X509Certificate } from "node:crypto";
import { messageOf } from "../base/fault.ts";

/** A key that signatures are checked with: a public key, or a shared secret. */
export interface VerificationKey {
  readonly id: string | undefined;
  /** The one algorithm that the key is for, where it says so (RFC 7517 section 4.4). */
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

const rsaBitsMin = 2048;

interface AlgorithmRow {
  readonly isSymmetric: boolean;
  /** True where a key of this kind and size may check signatures of the algorithm. */
  suits(key: KeyObject): boolean;
}

const hmac = (bytesMin: number): AlgorithmRow => ({
  isSymmetric: true,
  // RFC 7518 section 3.2: a key at least as long as the hash.
  suits: (key) => key.type === "secret" && (key.symmetricKeySize ?? 0) >= bytesMin,
});
const rsa = (...types: string[]): AlgorithmRow => ({
  isSymmetric: false,
  suits: (key) =>
    types.includes(key.asymmetricKeyType ?? "") && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= rsaBitsMin,
});
const ecdsa = (curve: string): AlgorithmRow => ({
  isSymmetric: false,
  suits: (key) => key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === curve,
});
const edwards: AlgorithmRow = { isSymmetric: false, suits: (key) => key.asymmetricKeyType === "ed25519" };

/**
 * The algorithms of signatures, and the keys that suit them. A public key never suits an HMAC and a secret suits nothing else, so that a
 * token cannot choose to be checked with a public key as a secret (RFC 8725 section 2.1). `none` is no row.
 */
export const signatureAlgorithms: Readonly<Record<string, AlgorithmRow>> = {
  HS256: hmac(32),
  HS384: hmac(48),
  HS512: hmac(64),
  RS256: rsa("rsa"),
  RS384: rsa("rsa"),
  RS512: rsa("rsa"),
  PS256: rsa("rsa", "rsa-pss"),
  PS384: rsa("rsa", "rsa-pss"),
  PS512: rsa("rsa", "rsa-pss"),
  ES256: ecdsa("prime256v1"),
  ES384: ecdsa("secp384r1"),
  ES512: ecdsa("secp521r1"),
  EdDSA: edwards,
  Ed25519: edwards,
};

/** The keys that may have signed a token with this head; those with its `kid` first, and only those where any has it. */
export const suitingKeys = <K extends VerificationKey>(
  keys: readonly K[],
  algorithm: string,
  keyId: string | undefined,
): readonly K[] => {
  const row = Object.hasOwn(signatureAlgorithms, algorithm) ? signatureAlgorithms[algorithm] : undefined;
  if (!row) return [];
  const suiting = keys.filter(
    (key) => (key.algorithm === undefined || key.algorithm === algorithm) && row.suits(key.key),
  );
  if (keyId === undefined) return suiting;
  const named = suiting.filter((key) => key.id === keyId);
  return named.length > 0 ? named : suiting.filter((key) => key.id === undefined);
};

/**
 * Reads a key of the configuration: PEM (public key or certificate), or base64 of a secret. Answers why it is none. A private key is
 * refused: it does not belong where signatures are only checked.
 */
export const parseKeyText = (text: string, id: string | undefined): VerificationKey | string => {
  const trimmed = text.trim();
  try {
    if (trimmed.includes("PRIVATE KEY")) return "a private key does not belong here: give the public key";
    if (trimmed.startsWith("-----BEGIN CERTIFICATE"))
      return checked({ id, algorithm: undefined, key: new X509Certificate(trimmed).publicKey });
    if (trimmed.startsWith("-----BEGIN")) return checked({ id, algorithm: undefined, key: createPublicKey(trimmed) });
    if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed)) return "neither PEM nor base64";
    return checked({ id, algorithm: undefined, key: createSecretKey(Buffer.from(trimmed, "base64")) });
  } catch (thrown) {
    return `not a key: ${messageOf(thrown)}`;
  }
};

/** Reads a JSON Web Key (RFC 7517); secrets only where `allowsSecrets`. Answers why it is none. */
export const parseJwk = (jwk: Readonly<Record<string, unknown>>, allowsSecrets: boolean): VerificationKey | string => {
  const id = typeof jwk.kid === "string" ? jwk.kid : undefined;
  const algorithm = typeof jwk.alg === "string" ? jwk.alg : undefined;
  if (jwk.use !== undefined && jwk.use !== "sig") return "the key is not for signatures";
  if (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes("verify")) return "the key is not for checking signatures";
  try {
    if (jwk.kty === "oct") {
      if (!allowsSecrets) return "a secret does not belong in a set of public keys";
      const secret = typeof jwk.k === "string" ? Buffer.from(jwk.k, "base64url") : Buffer.alloc(0);
      return checked({ id, algorithm, key: createSecretKey(secret) });
    }
    // Only the public members are read, so that a private key in the set is never held.
    const { kty, n, e, crv, x, y } = jwk as webcrypto.JsonWebKey;
    const publicPart = Object.fromEntries(
      Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined),
    );
    return checked({ id, algorithm, key: createPublicKey({ key: publicPart, format: "jwk" }) });
  } catch (thrown) {
    return `not a key: ${messageOf(thrown)}`;
  }
};

const checked = (key: VerificationKey): VerificationKey | string =>
  Object.values(signatureAlgorithms).some((row) => row.suits(key.key))
    ? key
    : "too short or of a kind that no algorithm uses (secrets: 32 bytes, RSA: 2048 bits, P-256, P-384, P-521, Ed25519)";
