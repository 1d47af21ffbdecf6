import { defineOperation, type Operation } from "../operation.ts";
import { nameParamsSchema, notFound, viewOf } from "../resources/collection.ts";

/** Removes an API together with its policies. Refused while a product holds it. */
export const deleteApi: Operation = defineOperation({
  id: "deleteApi",
  method: "DELETE",
  path: "/apis/{name}",
  tag: "APIs",
  summary: "Delete an API and its policies",
  access: "apis.write",
  params: nameParamsSchema,
  answers: { 204: { description: "Deleted." } },
  refusals: [404, 409, 412],
  run: (call) =>
    call.change(async (change) => {
      const { name } = call.params;
      const current = change.find("api", name);
      if (current === undefined) throw notFound("API", name);
      call.match(viewOf(current));
      change.remove("api", name);
      if (change.find("api-policy", name) !== undefined) change.remove("api-policy", name);
      return { status: 204 };
    }),
});
