import { management, taken } from "./management.ts";

/**
 * The token of a sign-in link. It leaves the address before anything else happens: an address is kept in histories, shown on
 * screens and copied.
 */
export const takeTokenFromAddress = (): string | undefined => {
  const address = new URL(location.href);
  const fromHash = new URLSearchParams(address.hash.slice(1)).get("token");
  const token = fromHash ?? address.searchParams.get("token");
  if (token === null) return undefined;
  address.hash = "";
  address.searchParams.delete("token");
  history.replaceState(history.state, "", address);
  return token;
};

/** Exchanges a link's token, or the owner token, for a session: a cookie that no script can read. */
export const signIn = async (token: string): Promise<void> => {
  await taken(management.POST("/api/v1/sessions", { body: { token } }));
};

/** Ends the session, here and on the server. */
export const signOut = async (): Promise<void> => {
  await taken(management.DELETE("/api/v1/sessions/current"));
};

/** What somebody pasted: a whole link, or the token alone. */
export const tokenOf = (text: string): string => {
  const trimmed = text.trim();
  if (!URL.canParse(trimmed)) return trimmed;
  const url = new URL(trimmed);
  return new URLSearchParams(url.hash.slice(1)).get("token") ?? url.searchParams.get("token") ?? trimmed;
};
