import { z } from "zod";
import { consumerNameSchema } from "../../model/consumer.ts";
import {
  deleteApplication as deleteRow,
  findApplication,
  findApplicationByName,
  listApplications as listRows,
  updateApplication,
} from "../../store/repositories/applications.ts";
import { findOrganization } from "../../store/repositories/organizations.ts";
import { listSubscriptions } from "../../store/repositories/subscriptions.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { notFound } from "../resources/collection.ts";
import { applicationSchema, applicationView } from "./application-view.ts";
import { createApplication } from "./consumer-writes.ts";

const paramsSchema = z.object({
  application: z.string().max(100).describe("Its id, or its name where only one organization has it."),
});
const titleSchema = z.string().max(200);

/** The applications, of one organization or of all. */
export const listApplications: Operation = defineOperation({
  id: "listApplications",
  method: "GET",
  path: "/applications",
  tag: "Consumers",
  summary: "List the applications",
  access: "consumers.read",
  query: pageQuerySchema.extend({ organization: z.string().max(100).optional().describe("Id or name.") }),
  answers: { 200: { description: "The oldest first.", schema: pageOf(applicationSchema) } },
  refusals: [404],
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const owner = query.organization === undefined ? undefined : await findOrganization(tools.db, query.organization);
    if (query.organization !== undefined && owner === undefined) throw notFound("organization", query.organization);
    const rows = await listRows(tools.db, { after: idPlaceOf(query), limit: limit + 1, organizationId: owner?.id });
    return { status: 200, json: pageJson(rows, limit, (row) => row.id, applicationView) };
  },
});

/** One application. */
export const getApplication: Operation = defineOperation({
  id: "getApplication",
  method: "GET",
  path: "/applications/{application}",
  tag: "Consumers",
  summary: "Read an application",
  access: "consumers.read",
  params: paramsSchema,
  hasEtag: true,
  answers: { 200: { description: "The application.", schema: applicationSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const row = await findApplication(tools.db, params.application);
    if (row === undefined) throw notFound("application", params.application);
    return { status: 200, json: applicationView(row) };
  },
});

/** Creates an application. */
export const postApplication: Operation = defineOperation({
  id: "postApplication",
  method: "POST",
  path: "/applications",
  tag: "Consumers",
  summary: "Create an application",
  access: "consumers.write",
  body: z.strictObject({
    organizationId: z.string().max(100).describe("Id or name of the organization that owns it."),
    name: consumerNameSchema,
    title: titleSchema.optional(),
  }),
  answers: { 201: { description: "Created.", schema: applicationSchema } },
  refusals: [409, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const { organizationId, name, title } = call.body;
      const organization = await findOrganization(change.trx, organizationId);
      if (organization === undefined) {
        const message = `there is no organization '${organizationId}'`;
        throw refuse("body.invalid", `/organizationId: ${message}`, [{ pointer: "/organizationId", message }]);
      }
      if ((await findApplicationByName(change.trx, organization.id, name)) !== undefined) {
        throw refuse(
          "resource.exists",
          `The organization '${organization.name}' has an application '${name}' already.`,
        );
      }
      const row = await createApplication(change, organization, { name, title });
      return { status: 201, json: applicationView(row), headers: { Location: `/api/v1/applications/${row.id}` } };
    }),
});

/** Changes an application's title. */
export const patchApplication: Operation = defineOperation({
  id: "patchApplication",
  method: "PATCH",
  path: "/applications/{application}",
  tag: "Consumers",
  summary: "Change an application's title",
  access: "consumers.write",
  params: paramsSchema,
  body: z.strictObject({ title: titleSchema.nullable().optional() }),
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: applicationSchema } },
  refusals: [404, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const row = await findApplication(change.trx, call.params.application);
      if (row === undefined) throw notFound("application", call.params.application);
      call.match(applicationView(row));
      const { title } = call.body;
      const after = { ...row, title: title === undefined ? row.title : (title ?? undefined) };
      await updateApplication(change.trx, row.id, after.title);
      change.audit({ target: `application/${row.id}`, before: applicationView(row), after: applicationView(after) });
      return { status: 200, json: applicationView(after) };
    }),
});

/** Removes an application whose subscriptions have all ended. */
export const deleteApplication: Operation = defineOperation({
  id: "deleteApplication",
  method: "DELETE",
  path: "/applications/{application}",
  tag: "Consumers",
  summary: "Delete an application whose subscriptions have ended",
  access: "consumers.write",
  params: paramsSchema,
  answers: { 204: { description: "Deleted." } },
  refusals: [404, 409, 412],
  run: (call) =>
    call.change(async (change) => {
      const row = await findApplication(change.trx, call.params.application);
      if (row === undefined) throw notFound("application", call.params.application);
      call.match(applicationView(row));
      const subscriptions = await listSubscriptions(change.trx, {
        after: undefined,
        limit: 500,
        applicationId: row.id,
      });
      const live = subscriptions.filter(({ state }) => state !== "ended" && state !== "rejected");
      if (live.length > 0) {
        throw refuse(
          "resource.in_use",
          `The application '${row.name}' has subscriptions that have not ended.`,
          live
            .slice(0, 20)
            .map(({ id, product, plan }) => ({ message: `subscription ${id} to ${product}, plan ${plan}` })),
        );
      }
      await deleteRow(change.trx, row.id);
      change.audit({ target: `application/${row.id}`, before: applicationView(row) });
      return { status: 204 };
    }),
});
