import { z } from "zod";
import { uuidv7 } from "../../base/ids.ts";
import {
  findToken,
  insertToken,
  listTokens as listRows,
  revokeToken,
  type StoredToken,
} from "../../store/repositories/access-tokens.ts";
import { findUser, type StoredUser } from "../../store/repositories/users.ts";
import type { Actor } from "../actor.ts";
import { bearerDigest, newBearer } from "../bearer.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { holds, isRole, roles } from "../rights.ts";

const prefixLength = 12;
/** A token lives a year at most. */
const lifeMsMax = 366 * 86_400_000;

const tokenSchema = z
  .object({
    id: z.string(),
    userId: z.string(),
    name: z.string(),
    prefix: z.string(),
    roles: z.array(z.string()),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().optional(),
    lastUsedAt: z.iso.datetime().optional(),
  })
  .meta({ id: "Token" });

const viewOf = (row: StoredToken) => ({
  id: row.id,
  userId: row.userId,
  name: row.name,
  prefix: row.prefix,
  roles: row.roles,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt?.toISOString(),
  lastUsedAt: row.lastUsedAt?.toISOString(),
});

/** Refuses whoever is neither the user itself nor may look after members. */
const requireSelfOr = (actor: Actor, right: "members.read" | "members.write", userId: string): void => {
  if (actor.userId === userId || holds(actor.roles, right)) return;
  throw refuse("right.missing", `Only the user itself, or the right ${right}, allows this.`);
};

/** The tokens of one user. */
export const listUserTokens: Operation = defineOperation({
  id: "listUserTokens",
  method: "GET",
  path: "/users/{user}/tokens",
  tag: "Members",
  summary: "List a user's access tokens",
  description: "Users may list their own; others need the right members.read.",
  access: "self",
  params: z.object({ user: z.string().max(100) }),
  query: pageQuerySchema,
  answers: { 200: { description: "The oldest first; without the tokens themselves.", schema: pageOf(tokenSchema) } },
  refusals: [404],
  run: async ({ tools, params, query, actor }) => {
    const user = visibleUser(await findUser(tools.db, params.user), actor, "members.read", params.user);
    const limit = limitOf(query);
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1, userId: user.id });
    return { status: 200, json: pageJson(rows, limit, (row) => row.id, viewOf) };
  },
});

/** The tokens of all users. */
export const listTokens: Operation = defineOperation({
  id: "listTokens",
  method: "GET",
  path: "/tokens",
  tag: "Members",
  summary: "List the access tokens of all users",
  access: "members.read",
  query: pageQuerySchema,
  answers: { 200: { description: "The oldest first; without the tokens themselves.", schema: pageOf(tokenSchema) } },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1 });
    return { status: 200, json: pageJson(rows, limit, (row) => row.id, viewOf) };
  },
});

/** Issues a personal access token; the answer shows it once. */
export const postToken: Operation = defineOperation({
  id: "postToken",
  method: "POST",
  path: "/users/{user}/tokens",
  tag: "Members",
  summary: "Issue a personal access token",
  description: "With some of the user's roles. Users may issue their own; for others it takes the right members.write.",
  access: "self",
  params: z.object({ user: z.string().max(100) }),
  body: z.strictObject({
    name: z.string().min(1).max(100),
    roles: z.array(z.enum(roles)).min(1).max(roles.length).optional().describe("All of the user's where absent."),
    expiresAt: z.iso.datetime({ offset: true }).optional().describe("A year from now at most; 90 days where absent."),
  }),
  answers: {
    201: {
      description: "Issued; the token is shown this once.",
      schema: tokenSchema.extend({ token: z.string() }).meta({ id: "NewToken" }),
    },
  },
  refusals: [404, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const found = await findUser(change.trx, call.params.user);
      const user = visibleUser(found, call.actor, "members.write", call.params.user);
      const given = call.body.roles ?? user.roles.filter(isRole);
      // A token of one role must not be able to make one of another for the same user.
      const mayGive = holds(call.actor.roles, "members.write") ? user.roles : call.actor.roles;
      const excess = given.filter((role) => !user.roles.includes(role) || !mayGive.some((one) => one === role));
      if (excess.length > 0)
        throw wrong("/roles", `${excess.join(", ")} cannot be given: the user or you do not hold it`);
      const nowMs = change.at.getTime();
      const expiresAt = new Date(call.body.expiresAt ?? nowMs + 90 * 86_400_000);
      if (expiresAt.getTime() <= nowMs) throw wrong("/expiresAt", "lies in the past");
      if (expiresAt.getTime() > nowMs + lifeMsMax) throw wrong("/expiresAt", "lies more than a year ahead");
      const token = newBearer("user");
      const row: StoredToken = {
        id: uuidv7(nowMs),
        userId: user.id,
        name: call.body.name,
        prefix: token.slice(0, prefixLength),
        digest: bearerDigest(token),
        roles: [...new Set(given)],
        createdAt: change.at,
        expiresAt,
        revokedAt: undefined,
        lastUsedAt: undefined,
      };
      await insertToken(change.trx, row);
      change.audit({ target: `token/${row.id}`, after: viewOf(row) });
      return { status: 201, json: { ...viewOf(row), token } };
    }),
});

/** Ends a token at once. */
export const deleteToken: Operation = defineOperation({
  id: "deleteToken",
  method: "DELETE",
  path: "/tokens/{token}",
  tag: "Members",
  summary: "Revoke an access token",
  description: "By its id. Users may revoke their own; for others it takes the right members.write.",
  access: "self",
  params: z.object({ token: z.string().max(100) }),
  answers: { 204: { description: "Revoked." } },
  refusals: [404],
  run: (call) =>
    call.change(async (change) => {
      const row = await findToken(change.trx, call.params.token);
      if (row === undefined || row.revokedAt !== undefined) throw notFound("token", call.params.token);
      requireSelfOr(call.actor, "members.write", row.userId);
      await revokeToken(change.trx, row.id, change.at);
      change.audit({ target: `token/${row.id}`, before: viewOf(row) });
      return { status: 204 };
    }),
});

const visibleUser = (
  user: StoredUser | undefined,
  actor: Actor,
  right: "members.read" | "members.write",
  name: string,
): StoredUser => {
  // Whoever may not look is not told who exists.
  requireSelfOr(actor, right, user?.id ?? "");
  if (user === undefined) throw notFound("user", name);
  return user;
};

const wrong = (pointer: string, message: string) =>
  refuse("body.invalid", `${pointer}: ${message}`, [{ pointer, message }]);
