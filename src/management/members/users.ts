import { z } from "zod";
import { uuidv7 } from "../../base/ids.ts";
import { nameSchema } from "../../model/names.ts";
import {
  deleteUser as deleteRow,
  findUser,
  insertUser,
  listUsers as listRows,
  type StoredUser,
  updateUser,
} from "../../store/repositories/users.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { rightsOf, roles } from "../rights.ts";

const rolesSchema = z.array(z.enum(roles)).max(roles.length);
const paramsSchema = z.object({ user: z.string().max(100).describe("Its id or its name.") });
const userSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.string().optional(),
    roles: z.array(z.string()),
    isDisabled: z.boolean(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "User" });

const viewOf = (row: StoredUser) => ({
  id: row.id,
  name: row.name,
  email: row.email,
  roles: row.roles,
  isDisabled: row.isDisabled,
  createdAt: row.createdAt.toISOString(),
});

/** The roles and what each may do. */
export const listRoles: Operation = defineOperation({
  id: "listRoles",
  method: "GET",
  path: "/roles",
  tag: "Members",
  summary: "List the roles and their rights",
  access: "self",
  answers: {
    200: {
      description: "All roles.",
      schema: z.object({ items: z.array(z.object({ name: z.string(), rights: z.array(z.string()) })) }),
    },
  },
  run: async () => {
    const items = roles.map((name) => ({ name, rights: rightsOf([name]) }));
    return { status: 200, json: { items } };
  },
});

/** The users. */
export const listUsers: Operation = defineOperation({
  id: "listUsers",
  method: "GET",
  path: "/users",
  tag: "Members",
  summary: "List the users",
  access: "members.read",
  query: pageQuerySchema,
  answers: { 200: { description: "The oldest first.", schema: pageOf(userSchema) } },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1 });
    return { status: 200, json: pageJson(rows, limit, (row) => row.id, viewOf) };
  },
});

/** One user. */
export const getUser: Operation = defineOperation({
  id: "getUser",
  method: "GET",
  path: "/users/{user}",
  tag: "Members",
  summary: "Read a user",
  access: "members.read",
  params: paramsSchema,
  hasEtag: true,
  answers: { 200: { description: "The user.", schema: userSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const row = await findUser(tools.db, params.user);
    if (row === undefined) throw notFound("user", params.user);
    return { status: 200, json: viewOf(row) };
  },
});

/** Creates a user, who acts through personal access tokens and sign-in links. */
export const postUser: Operation = defineOperation({
  id: "postUser",
  method: "POST",
  path: "/users",
  tag: "Members",
  summary: "Create a user",
  access: "members.write",
  body: z.strictObject({ name: nameSchema, email: z.email().max(320).optional(), roles: rolesSchema }),
  answers: { 201: { description: "Created.", schema: userSchema } },
  refusals: [409, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { name, email, roles: given } = call.body;
      if ((await findUser(change.trx, name)) !== undefined) {
        throw refuse("resource.exists", `There is a user '${name}' already.`);
      }
      const row: StoredUser = {
        id: uuidv7(change.at.getTime()),
        name,
        email,
        roles: [...new Set(given)],
        isDisabled: false,
        createdAt: change.at,
      };
      await insertUser(change.trx, row);
      change.audit({ target: `user/${name}`, after: viewOf(row) });
      return { status: 201, json: viewOf(row), headers: { Location: `/api/v1/users/${row.id}` } };
    }),
});

/** Changes a user's e-mail address and roles, or disables it; tokens and sessions follow at once. */
export const patchUser: Operation = defineOperation({
  id: "patchUser",
  method: "PATCH",
  path: "/users/{user}",
  tag: "Members",
  summary: "Change a user",
  description: "Roles that are taken away, and disabling, take effect on tokens and sessions at once.",
  access: "members.write",
  params: paramsSchema,
  body: z.strictObject({
    email: z.email().max(320).nullable().optional(),
    roles: rolesSchema.optional(),
    isDisabled: z.boolean().optional(),
  }),
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: userSchema } },
  refusals: [404, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const row = await findUser(change.trx, call.params.user);
      if (row === undefined) throw notFound("user", call.params.user);
      call.match(viewOf(row));
      const { email, roles: given, isDisabled } = call.body;
      const after: StoredUser = {
        ...row,
        email: email === undefined ? row.email : (email ?? undefined),
        roles: given === undefined ? row.roles : [...new Set(given)],
        isDisabled: isDisabled ?? row.isDisabled,
      };
      await updateUser(change.trx, after);
      change.audit({ target: `user/${row.name}`, before: viewOf(row), after: viewOf(after) });
      return { status: 200, json: viewOf(after) };
    }),
});

/** Removes a user with all tokens and sessions. */
export const deleteUser: Operation = defineOperation({
  id: "deleteUser",
  method: "DELETE",
  path: "/users/{user}",
  tag: "Members",
  summary: "Delete a user with its tokens and sessions",
  access: "members.write",
  params: paramsSchema,
  answers: { 204: { description: "Deleted." } },
  refusals: [404, 412],
  run: (call) =>
    call.change(async (change) => {
      const row = await findUser(change.trx, call.params.user);
      if (row === undefined) throw notFound("user", call.params.user);
      call.match(viewOf(row));
      await deleteRow(change.trx, row.id);
      change.audit({ target: `user/${row.name}`, before: viewOf(row) });
      return { status: 204 };
    }),
});
