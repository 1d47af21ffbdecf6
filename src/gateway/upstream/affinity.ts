import { createHash, createHmac } from "node:crypto";
import type { Affinity } from "../../exchange/backend.ts";

/**
 * What the cookie calls a target: says nothing about its address, is the same at every gateway, and with a secret nobody outside can
 * make one.
 */
export const affinityId = (affinity: Affinity, cluster: string, target: string): string =>
  (affinity.secret === "" ? createHash("sha256") : createHmac("sha256", affinity.secret))
    .update(`${cluster}\0${target}`)
    .digest("base64url")
    .slice(0, 22);

/** The field that keeps a client with its target. */
export const affinityField = (affinity: Affinity, id: string, isSecure: boolean): string =>
  `${affinity.cookie}=${id}; Path=/; HttpOnly; SameSite=Lax${affinity.maxAge > 0 ? `; Max-Age=${affinity.maxAge}` : ""}${isSecure ? "; Secure" : ""}`;
