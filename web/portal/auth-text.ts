import { strings } from "./strings.ts";

/** How one authenticates, in one sentence. */
export const authText = (protections: readonly ("key" | "jwt")[]): string => {
  const hasKey = protections.includes("key");
  const hasToken = protections.includes("jwt");
  if (hasKey && hasToken) return strings.auth.both;
  if (hasKey) return strings.auth.key;
  return hasToken ? strings.auth.jwt : strings.auth.open;
};
