import type { Transaction } from "kysely";
import { z } from "zod";
import { uuidv7 } from "../../base/ids.ts";
import { transaction } from "../../store/database.ts";
import { writeAudit } from "../../store/repositories/audit.ts";
import {
  endSession,
  insertSession,
  insertSignInLink,
  type StoredSignInLink,
  takeSignInLink,
} from "../../store/repositories/sessions.ts";
import { findUser } from "../../store/repositories/users.ts";
import type { Tables } from "../../store/schema.ts";
import { sessionCookie } from "../authenticate.ts";
import { bearerDigest, isSameDigest, newBearer } from "../bearer.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { isRole, rightsOf } from "../rights.ts";
import type { ManagementTools } from "../tools.ts";

/** A link is for the next minutes, a session for a working day. */
const linkMs = 15 * 60_000;
const sessionMs = 24 * 3_600_000;

const actorSchema = z
  .object({
    name: z.string(),
    roles: z.array(z.string()),
    rights: z.array(z.string()),
    userId: z.string().optional(),
    by: z.enum(["owner-token", "token", "session", "platform"]),
  })
  .meta({ id: "Actor" });

/** Makes a link that signs in to the studio once. */
export const postSignInLink: Operation = defineOperation({
  id: "postSignInLink",
  method: "POST",
  path: "/sign-in-links",
  tag: "Members",
  summary: "Make a single-use link that signs in to the studio",
  description: "For the owner, or for a user who is named. `token` goes into the link `/sign-in#token=TOKEN`.",
  access: "members.write",
  body: z.strictObject({ user: z.string().max(100).optional().describe("Id or name; the owner where absent.") }),
  isBodyOptional: true,
  answers: {
    201: {
      description: "The token of the link, shown this once.",
      schema: z.object({ token: z.string(), path: z.string(), expiresAt: z.iso.datetime() }),
    },
  },
  refusals: [404, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { user: wanted } = call.body;
      const user = wanted === undefined ? undefined : await findUser(change.trx, wanted);
      if (wanted !== undefined && user === undefined) throw notFound("user", wanted);
      const token = newBearer("link");
      const expiresAt = new Date(change.at.getTime() + linkMs);
      await insertSignInLink(change.trx, {
        digest: bearerDigest(token),
        userId: user?.id,
        roles: user?.roles ?? ["owner"],
        createdAt: change.at,
        expiresAt,
      });
      change.audit({ target: `sign-in-link/${user?.name ?? "owner"}`, after: { expiresAt: expiresAt.toISOString() } });
      return {
        status: 201,
        json: { token, path: `/sign-in#token=${token}`, expiresAt: expiresAt.toISOString() },
      };
    }),
});

/** Exchanges the token of a link for a session in a cookie. */
export const postSession: Operation = defineOperation({
  id: "postSession",
  method: "POST",
  path: "/sessions",
  tag: "Members",
  summary: "Sign in to the studio with the token of a link, or the owner token",
  description:
    "The session is in an HttpOnly cookie. Writes with it carry the header `X-Portico-Request`, whatever its value, so that no foreign page can cause them.",
  access: "public",
  isRead: true,
  body: z.strictObject({ token: z.string().max(200) }),
  answers: { 201: { description: "Signed in; `Set-Cookie` holds the session.", schema: actorSchema } },
  refusals: [401, 415, 422],
  run: async ({ tools, body, headers, requestId, operationId }) => {
    const nowMs = tools.clock.nowMs();
    const at = new Date(nowMs);
    const token = newBearer("session");
    const expiresAt = new Date(nowMs + sessionMs);
    const signedIn = await transaction(
      tools.db,
      async (trx) => {
        const link = await linkOf(tools, trx, body.token, at);
        if (link === undefined) throw refuse("credential.invalid", "The link is unknown, expired, or was used before.");
        const user = link.userId === undefined ? undefined : await findUser(trx, link.userId);
        const id = uuidv7(nowMs);
        await insertSession(trx, {
          id,
          digest: bearerDigest(token),
          userId: link.userId,
          roles: link.roles,
          createdAt: at,
          expiresAt,
        });
        const actor = user === undefined ? "owner (studio)" : `user ${user.name}`;
        await writeAudit(trx, [
          {
            at,
            actor,
            operation: operationId,
            target: `session/${id}`,
            revision: undefined,
            requestId,
            before: undefined,
            after: { expiresAt: expiresAt.toISOString() },
          },
        ]);
        return { name: actor, roles: link.roles.filter(isRole), userId: link.userId };
      },
      { isolation: "read committed" },
    );
    return {
      status: 201,
      json: { ...signedIn, rights: rightsOf(signedIn.roles), by: "session" },
      headers: { "Set-Cookie": cookieText(token, sessionMs / 1000, headers) },
    };
  },
});

/** Says who one is. */
export const getCurrentSession: Operation = defineOperation({
  id: "getCurrentSession",
  method: "GET",
  path: "/sessions/current",
  tag: "Members",
  summary: "Say who the request comes from",
  access: "self",
  answers: { 200: { description: "The caller with its roles and rights.", schema: actorSchema } },
  run: async ({ actor }) => {
    const { name, roles, userId, by } = actor;
    return { status: 200, json: { name, roles, rights: rightsOf(roles), userId, by } };
  },
});

/** Signs out. */
export const deleteCurrentSession: Operation = defineOperation({
  id: "deleteCurrentSession",
  method: "DELETE",
  path: "/sessions/current",
  tag: "Members",
  summary: "Sign out",
  access: "self",
  answers: { 204: { description: "The session has ended, or the caller had none." } },
  run: async (call) =>
    call.change(async (change) => {
      const { sessionId } = call.actor;
      if (sessionId !== undefined) {
        await endSession(change.trx, sessionId, change.at);
        change.audit({ target: `session/${sessionId}` });
      }
      return { status: 204, headers: { "Set-Cookie": cookieText("", 0, call.headers) } };
    }),
});

/** What the token lets in: a link, which is used up, or the owner token itself. */
const linkOf = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  token: string,
  at: Date,
): Promise<Pick<StoredSignInLink, "userId" | "roles"> | undefined> => {
  const digest = bearerDigest(token);
  if (!isSameDigest(digest, tools.ownerTokenDigest)) return takeSignInLink(trx, digest, at);
  return { userId: undefined, roles: ["owner"] };
};

// Secure only where the browser speaks TLS, or a proxy says that it did: on a laptop there is none.
const cookieText = (value: string, maxAgeSeconds: number, headers: Headers): string =>
  [
    `${sessionCookie}=${value}`,
    "Path=/",
    "HttpOnly",
    "SameSite=Strict",
    `Max-Age=${maxAgeSeconds}`,
    ...(headers.get("x-forwarded-proto") === "https" ? ["Secure"] : []),
  ].join("; ");
