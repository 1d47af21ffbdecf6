import { z } from "zod";
import { placeOf } from "../../bundle/bundle-paths.ts";
import { textOf } from "../../bundle/write-bundle.ts";
import type { ResourceKind } from "../../model/resource.ts";
import { findIn } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { readableBy } from "../redact.ts";
import { notFound } from "../resources/collection.ts";

const mediaType = "application/yaml";

/** One file of the configuration as `pull` writes it: what was applied, byte for byte. */
export const getBundleFile: Operation = defineOperation({
  id: "getBundleFile",
  method: "GET",
  path: "/bundle/file",
  tag: "Bundle",
  summary: "Read one file of the configuration",
  description: "The YAML of a resource as `GET /bundle` has it. Documents are read at `GET /apis/{name}/document`.",
  access: "settings.read",
  query: z.object({ path: z.string().max(500).describe("Within the bundle: `apis/orders/policy.yaml`.") }),
  answers: { 200: { description: "The file.", mediaTypes: [mediaType] } },
  refusals: [404],
  run: async ({ tools, query, actor }) => {
    const place = placeOf(query.path);
    const { resources, revision } = await tools.configuration.read();
    const stored = place.role === "resource" ? findIn<ResourceKind>(resources, place.kind, place.name) : undefined;
    if (stored === undefined) throw notFound("file", query.path);
    return {
      status: 200,
      bytes: { mediaType, content: Buffer.from(textOf(readableBy(actor.roles, stored.resource))) },
      headers: { "Portico-Revision": String(revision) },
    };
  },
});
