import { findTokenByDigest, touchToken } from "../store/repositories/access-tokens.ts";
import { findSession } from "../store/repositories/sessions.ts";
import { findUser } from "../store/repositories/users.ts";
import type { Actor } from "./actor.ts";
import { bearerDigest, bearerPrefixes, isSameDigest } from "./bearer.ts";
import { refuse } from "./refuse.ts";
import { isRole, type Role } from "./rights.ts";
import type { ManagementTools } from "./tools.ts";

/** The cookie of a studio session. */
export const sessionCookie = "portico-session";
/** A write with a session's cookie carries this header: a foreign page cannot send it without being allowed to by CORS, which we never do. */
const sessionHeader = "x-portico-request";

/** Uses of a token are noted once a minute at most. */
const touchEveryMs = 60_000;
const touched = new WeakMap<ManagementTools, Map<string, number>>();

/** Says who sends a request, by bearer token or by the studio's cookie; undefined where it does not say who. Refuses what is wrong. */
export const authenticate = async (tools: ManagementTools, headers: Headers): Promise<Actor | undefined> => {
  const authorization = headers.get("authorization");
  if (authorization !== null) return byToken(tools, authorization);
  const cookie = cookieOf(headers.get("cookie"), sessionCookie);
  return cookie === undefined ? undefined : bySession(tools, cookie);
};

const byToken = async (tools: ManagementTools, authorization: string): Promise<Actor> => {
  // RFC 9110 section 11.1: the scheme is compared without regard to case.
  const token = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1];
  if (token === undefined) throw invalid("The header Authorization does not hold `Bearer TOKEN`.");
  const digest = bearerDigest(token);
  if (isSameDigest(digest, tools.ownerTokenDigest)) {
    return { name: "owner", roles: ["owner"], userId: undefined, by: "owner-token", sessionId: undefined };
  }
  if (!token.startsWith(bearerPrefixes.user)) throw invalid("The token is not known.");
  const nowMs = tools.clock.nowMs();
  const stored = await findTokenByDigest(tools.db, digest);
  if (stored === undefined || stored.revokedAt !== undefined) throw invalid("The token is not known or was revoked.");
  if (stored.expiresAt !== undefined && stored.expiresAt.getTime() <= nowMs) throw invalid("The token has expired.");
  const user = await findUser(tools.db, stored.userId);
  if (user === undefined || user.isDisabled) throw invalid("The token's user is disabled.");
  await touch(tools, stored.id, nowMs);
  return {
    name: `user ${user.name} (token ${stored.name})`,
    // A role that was taken from the user since is gone from the token too.
    roles: rolesOf(stored.roles).filter((role) => user.roles.includes(role)),
    userId: user.id,
    by: "token",
    sessionId: undefined,
  };
};

const bySession = async (tools: ManagementTools, cookie: string): Promise<Actor> => {
  const session = await findSession(tools.db, bearerDigest(cookie), new Date(tools.clock.nowMs()));
  if (session === undefined) throw invalid("The session has ended. Sign in again.");
  const by = { by: "session", sessionId: session.id } as const;
  if (session.userId === undefined) {
    return { name: "owner (studio)", roles: rolesOf(session.roles), userId: undefined, ...by };
  }
  const user = await findUser(tools.db, session.userId);
  if (user === undefined || user.isDisabled) throw invalid("The session's user is disabled.");
  const roles = rolesOf(session.roles).filter((role) => user.roles.includes(role));
  return { name: `user ${user.name}`, roles, userId: user.id, ...by };
};

/** Refuses a write that a foreign page may have caused: a cookie travels by itself, our header and origin do not. */
export const refuseForeignOrigin = (actor: Actor, headers: Headers): void => {
  if (actor.by !== "session") return;
  if (headers.get(sessionHeader) === null) {
    throw refuse("origin.refused", "A write with a session's cookie needs the header X-Portico-Request.");
  }
  const origin = headers.get("origin");
  if (origin === null) return;
  const host = URL.canParse(origin) ? new URL(origin).host : undefined;
  if (host === undefined || host !== headers.get("host")) {
    throw refuse("origin.refused", "The request comes from a page of another origin.");
  }
};

const touch = async (tools: ManagementTools, id: string, nowMs: number): Promise<void> => {
  const times = touched.get(tools) ?? new Map<string, number>();
  touched.set(tools, times);
  if (nowMs - (times.get(id) ?? 0) < touchEveryMs) return;
  if (times.size > 10_000) times.clear();
  times.set(id, nowMs);
  await touchToken(tools.db, id, new Date(nowMs));
};

const rolesOf = (texts: readonly string[]): Role[] => texts.filter(isRole);

const invalid = (detail: string) => refuse("credential.invalid", detail);

/** One cookie of a `Cookie` header (RFC 6265 section 5.4). */
const cookieOf = (header: string | null, name: string): string | undefined => {
  for (const pair of (header ?? "").split(";")) {
    const [key, value] = [pair.slice(0, pair.indexOf("=")).trim(), pair.slice(pair.indexOf("=") + 1).trim()];
    if (key === name && value !== "") return value;
  }
  return undefined;
};
