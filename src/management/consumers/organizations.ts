import { z } from "zod";
import { consumerNameSchema } from "../../model/consumer.ts";
import { listApplications } from "../../store/repositories/applications.ts";
import {
  deleteOrganization as deleteRow,
  findOrganization,
  listOrganizations as listRows,
  updateOrganization,
} from "../../store/repositories/organizations.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { createOrganization } from "./consumer-writes.ts";
import { organizationSchema, organizationView } from "./organization-view.ts";

const paramsSchema = z.object({ organization: z.string().max(100).describe("Its id or its name.") });
const titleSchema = z.string().max(200);

/** The organizations. */
export const listOrganizations: Operation = defineOperation({
  id: "listOrganizations",
  method: "GET",
  path: "/organizations",
  tag: "Consumers",
  summary: "List the organizations",
  access: "consumers.read",
  query: pageQuerySchema,
  answers: { 200: { description: "The oldest first.", schema: pageOf(organizationSchema) } },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1 });
    return { status: 200, json: pageJson(rows, limit, (row) => row.id, organizationView) };
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
  answers: { 200: { description: "The organization.", schema: organizationSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const row = await findOrganization(tools.db, params.organization);
    if (row === undefined) throw notFound("organization", params.organization);
    return { status: 200, json: organizationView(row) };
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
  answers: { 201: { description: "Created.", schema: organizationSchema } },
  refusals: [409, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { name } = call.body;
      if ((await findOrganization(change.trx, name)) !== undefined) {
        throw refuse("resource.exists", `There is an organization '${name}' already.`);
      }
      const row = await createOrganization(change, call.body);
      return { status: 201, json: organizationView(row), headers: { Location: `/api/v1/organizations/${row.id}` } };
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
  answers: { 200: { description: "Changed.", schema: organizationSchema } },
  refusals: [404, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const row = await findOrganization(change.trx, call.params.organization);
      if (row === undefined) throw notFound("organization", call.params.organization);
      call.match(organizationView(row));
      const { title } = call.body;
      const after = { ...row, title: title === undefined ? row.title : (title ?? undefined) };
      await updateOrganization(change.trx, after);
      change.audit({
        target: `organization/${row.name}`,
        before: organizationView(row),
        after: organizationView(after),
      });
      return { status: 200, json: organizationView(after) };
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
      call.match(organizationView(row));
      const applications = await listApplications(change.trx, { after: undefined, limit: 10, organizationId: row.id });
      if (applications.length > 0) {
        throw refuse(
          "resource.in_use",
          `The organization '${row.name}' has applications.`,
          applications.map((application) => ({ message: `application '${application.name}'` })),
        );
      }
      await deleteRow(change.trx, row.id);
      change.audit({ target: `organization/${row.name}`, before: organizationView(row) });
      return { status: 204 };
    }),
});
