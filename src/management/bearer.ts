import { createHash, timingSafeEqual } from "node:crypto";
import { randomBase62 } from "../base/ids.ts";

/** What a token is for; its first characters say it, so that people and scanners can tell them apart. */
export const bearerPrefixes = {
  owner: "pto_",
  user: "ptu_",
  gateway: "ptg_",
  link: "ptl_",
  session: "pts_",
} as const;

/** A new token with 238 random bits. */
export const newBearer = (purpose: keyof typeof bearerPrefixes): string => bearerPrefixes[purpose] + randomBase62(40);

/** SHA-256 in hex: all that is stored of a token. It has too many random bits to need salt or stretching. */
export const bearerDigest = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Compares digests in a time that tells nothing about where they differ. */
export const isSameDigest = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
