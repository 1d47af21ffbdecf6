import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { Fault } from "../base/fault.ts";

/** Encrypts what must be read again: named values, answers that hold a new key. */
export interface SecretBox {
  /** `context` says what it is for; only the same context opens it. */
  seal(plain: Uint8Array | string, context: string): Uint8Array;
  open(sealed: Uint8Array, context: string): Buffer;
  /** A key of 32 bytes for one purpose, always the same for it; tells nothing about the box's own. */
  derive(purpose: string): Buffer;
  /** Tells keys apart without telling anything about them. */
  readonly fingerprint: string;
}

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;
/** The first byte of everything sealed, so that another scheme can come later. */
const scheme = 1;

/** A box of AES-256-GCM (NIST SP 800-38D) under a 32-byte key. Each seal takes a fresh random nonce; the context is authenticated. */
export const secretBox = (key: Uint8Array): SecretBox => {
  if (key.length !== 32)
    throw new Fault("secret_key.wrong", { public: "The secret key must have 32 bytes.", status: 503 });
  return {
    seal: (plain, context) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(context, "utf8"));
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.of(scheme), nonce, cipher.getAuthTag(), text]);
    },
    open: (sealed, context) => {
      try {
        if (sealed[0] !== scheme || sealed.length < 1 + nonceBytes + tagBytes) throw new Error("not a sealed value");
        const decipher = createDecipheriv(algorithm, key, sealed.subarray(1, 1 + nonceBytes), {
          authTagLength: tagBytes,
        });
        decipher.setAAD(Buffer.from(context, "utf8"));
        decipher.setAuthTag(sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes));
        return Buffer.concat([decipher.update(sealed.subarray(1 + nonceBytes + tagBytes)), decipher.final()]);
      } catch (cause) {
        throw new Fault("secret_key.wrong", {
          public: "A secret cannot be read: it was encrypted with another key.",
          internal: context,
          status: 503,
          cause,
        });
      }
    },
    derive: (purpose) => Buffer.from(hkdfSync("sha256", key, "", `portico ${purpose}`, 32)),
    fingerprint: createHmac("sha256", key).update("portico secret key").digest("hex"),
  };
};
