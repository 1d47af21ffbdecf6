import { z } from "zod";
import { uuidv7 } from "../../base/ids.ts";
import { consumerNameSchema } from "../../model/consumer.ts";
import { listApplications } from "../../store/repositories/applications.ts";
import {
  deleteOrganization as deleteRow,
  findOrganization,
  insertOrganization,
  listOrganizations as listRows,
  type StoredOrganization,
  updateOrganization,
} from "../../store/repositories/organizations.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";

const viewSchema = z
  .object({ id: z.string(), name: z.string(), title: z.string().optional(), createdAt: z.iso.datetime() })
  .meta({ id: "Organization" });
const paramsSchema = z.object({ organization: z.string().max(100).describe("Its id or its name.") });
const titleSchema = z.string().max(200);

const viewOf = (row: StoredOrganization) => ({
  id: row.id,
  name: row.name,
  title: row.title,
  createdAt: row.createdAt.toISOString(),
});

/** The organizations. */
export const listOrganizations: Operation = defineOperation({
  id: "listOrganizations",
  method: "GET",
  path: "/organizations",
  tag: "Consumers",
  summary: "List the organizations",
  access: "consumers.read",
  query: pageQuerySchema,
  answers: { 200: { description: "The oldest first.", schema: pageOf(viewSchema) } },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1 });
    return { status: 200, json: pageJson(rows, limit, (row) => row.id, viewOf) };
  },
});

/** One organization. */
export const getOrganization: Operation = defineOperation({
  id: "getOrganization",
  method: "GET",
  path: "/organizations/{organization}",
  tag: "Consumers",
  summary: "Read an organization",
  access: "consumers.read",
  params: paramsSchema,
  hasEtag: true,
  answers: { 200: { description: "The organization.", schema: viewSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const row = await findOrganization(tools.db, params.organization);
    if (row === undefined) throw notFound("organization", params.organization);
    return { status: 200, json: viewOf(row) };
  },
});

/** Creates an organization. */
export const postOrganization: Operation = defineOperation({
  id: "postOrganization",
  method: "POST",
  path: "/organizations",
  tag: "Consumers",
  summary: "Create an organization",
  access: "consumers.write",
  body: z.strictObject({ name: consumerNameSchema, title: titleSchema.optional() }),
  answers: { 201: { description: "Created.", schema: viewSchema } },
  refusals: [409, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { name, title } = call.body;
      if ((await findOrganization(change.trx, name)) !== undefined) {
        throw refuse("resource.exists", `There is an organization '${name}' already.`);
      }
      const row = { id: uuidv7(change.at.getTime()), name, title, createdAt: change.at };
      await insertOrganization(change.trx, row);
      change.audit({ target: `organization/${name}`, after: viewOf(row) });
      return { status: 201, json: viewOf(row), headers: { Location: `/api/v1/organizations/${row.id}` } };
    }),
});

/** Changes an organization's title; its name is what policies and visibility call it, and stays. */
export const patchOrganization: Operation = defineOperation({
  id: "patchOrganization",
  method: "PATCH",
  path: "/organizations/{organization}",
  tag: "Consumers",
  summary: "Change an organization's title",
  access: "consumers.write",
  params: paramsSchema,
  body: z.strictObject({ title: titleSchema.nullable().optional() }),
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: viewSchema } },
  refusals: [404, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const row = await findOrganization(change.trx, call.params.organization);
      if (row === undefined) throw notFound("organization", call.params.organization);
      call.match(viewOf(row));
      const { title } = call.body;
      const after = { ...row, title: title === undefined ? row.title : (title ?? undefined) };
      await updateOrganization(change.trx, after);
      change.audit({ target: `organization/${row.name}`, before: viewOf(row), after: viewOf(after) });
      return { status: 200, json: viewOf(after) };
    }),
});

/** Removes an organization without applications. */
export const deleteOrganization: Operation = defineOperation({
  id: "deleteOrganization",
  method: "DELETE",
  path: "/organizations/{organization}",
  tag: "Consumers",
  summary: "Delete an organization that has no applications",
  access: "consumers.write",
  params: paramsSchema,
  answers: { 204: { description: "Deleted." } },
  refusals: [404, 409, 412],
  run: (call) =>
    call.change(async (change) => {
      const row = await findOrganization(change.trx, call.params.organization);
      if (row === undefined) throw notFound("organization", call.params.organization);
      call.match(viewOf(row));
      const applications = await listApplications(change.trx, { after: undefined, limit: 10, organizationId: row.id });
      if (applications.length > 0) {
        throw refuse(
          "resource.in_use",
          `The organization '${row.name}' has applications.`,
          applications.map((application) => ({ message: `application '${application.name}'` })),
        );
      }
      await deleteRow(change.trx, row.id);
      change.audit({ target: `organization/${row.name}`, before: viewOf(row) });
      return { status: 204 };
    }),
});
