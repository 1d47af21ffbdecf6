import { apiSchema } from "../../model/api.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { refuse } from "../refuse.ts";
import { nameParamsSchema, putResource, readOnlyFields, viewOf, viewSchemaOf } from "../resources/collection.ts";
import { apiCollection } from "./api-collection.ts";

/** Replaces what an API's file says; its document stays. An API is created by importing its document. */
export const putApi: Operation = defineOperation({
  id: "putApi",
  method: "PUT",
  path: "/apis/{name}",
  tag: "APIs",
  summary: "Replace what an API's file says",
  description: "The document stays. A new API needs its document first: `POST /apis:import` takes both.",
  access: "apis.write",
  params: nameParamsSchema,
  body: apiSchema,
  readOnlyFields,
  hasEtag: true,
  answers: { 200: { description: "Replaced.", schema: viewSchemaOf(apiCollection) } },
  refusals: [404, 409, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const current = change.find("api", call.params.name);
      call.match(current === undefined ? undefined : viewOf(current));
      if (current?.resource.document === undefined) {
        throw refuse(
          "resource.not_found",
          `There is no API '${call.params.name}'. Import its document with POST /api/v1/apis:import, which creates it.`,
        );
      }
      const stored = putResource(change, {
        kind: "api",
        name: call.params.name,
        body: call.body,
        document: current.resource.document,
      });
      return { status: 200, json: viewOf(stored) };
    }),
});
