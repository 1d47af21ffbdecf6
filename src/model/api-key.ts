import { createHash } from "node:crypto";
import { randomBase62 } from "../base/ids.ts";

/**
 * A key reads `ptk_` + 8 characters that name it + 32 secret characters (190 bits) + 6 characters of checksum,
 * all base62. The first 12 characters may be shown and stored; the rest is shown once. The checksum lets a
 * scanner for leaked secrets, and the gateway, tell a mistyped key from a wrong one without a look-up.
 */
const apiKeyPattern = /^ptk_[0-9A-Za-z]{46}$/;
const prefixLength = 12;
const checksumLength = 6;

/** A new key. */
export const newApiKey = (): string => {
  const unchecked = `ptk_${randomBase62(40)}`;
  return unchecked + checksumOf(unchecked);
};

/** True where the text has a key's form and its checksum is right. Says nothing about whether the key was ever issued. */
export const isApiKey = (text: string): boolean =>
  apiKeyPattern.test(text) && checksumOf(text.slice(0, -checksumLength)) === text.slice(-checksumLength);

/** What may be shown of a key: `ptk_` and the eight characters that name it. */
export const apiKeyPrefix = (key: string): string => key.slice(0, prefixLength);

/** The key's SHA-256 in hex: all that is stored of it. A key has 190 random bits, so no salt or stretching is needed. */
export const apiKeyDigest = (key: string): string => createHash("sha256").update(key).digest("hex");

const checksumOf = (text: string): string => {
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let value = createHash("sha256").update(text).digest().readUIntBE(0, 6) % 62 ** checksumLength;
  let checksum = "";
  for (let i = 0; i < checksumLength; i++) {
    checksum = digits.charAt(value % 62) + checksum;
    value = Math.floor(value / 62);
  }
  return checksum;
};
