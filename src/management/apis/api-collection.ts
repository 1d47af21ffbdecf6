import { apiSchema } from "../../model/api.ts";
import type { Collection } from "../resources/collection.ts";

/** APIs as a collection. */
export const apiCollection: Collection = {
  kind: "api",
  path: "/apis",
  tag: "APIs",
  noun: "API",
  one: "Api",
  many: "Apis",
  schema: apiSchema.meta({ id: "Api", description: "What `apis/NAME/api.yaml` says." }),
  read: "apis.read",
  write: "apis.write",
};
