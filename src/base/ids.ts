import { randomBytes } from "node:crypto";

/** A UUID version 7 (RFC 9562 section 5.7): ordered by time to the millisecond, 74 random bits. */
export const uuidv7 = (nowMs: number = Date.now(), random: Uint8Array = randomBytes(10)): string => {
  const time = Math.trunc(nowMs).toString(16).padStart(12, "0");
  const hex = Buffer.from(random.subarray(0, 10)).toString("hex");
  const variant = ((Number.parseInt(hex.slice(4, 5), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${hex.slice(1, 4)}-${variant}${hex.slice(5, 8)}-${hex.slice(8, 20)}`;
};

const base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `length` characters of `[0-9A-Za-z]`, each equally likely, from the system's secure source. */
export const randomBase62 = (length: number): string => {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 is the largest multiple of 62 in a byte: higher values would favour the first digits.
      if (byte < 248 && text.length < length) text += base62Digits.charAt(byte % 62);
    }
  }
  return text;
};
