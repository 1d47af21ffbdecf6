import { z } from "zod";
import { writeBundle } from "../../bundle/write-bundle.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { readableBy } from "../redact.ts";
import { bundleFileSchema } from "./bundle-body.ts";

/** The whole configuration as the files of a bundle. */
export const getBundle: Operation = defineOperation({
  id: "getBundle",
  method: "GET",
  path: "/bundle",
  tag: "Bundle",
  summary: "Read the configuration as the files of a bundle",
  description:
    "Files that were applied come back byte for byte. Values of secrets are not among them, and credentials that stand in a backend only for who may write backends.",
  access: "settings.read",
  answers: {
    200: {
      description: "The files in order of path.",
      schema: z.object({ revision: z.int(), files: z.array(bundleFileSchema) }).meta({ id: "Bundle" }),
    },
  },
  run: async ({ tools, actor }) => {
    const { revision, resources } = await tools.configuration.read();
    const all = [...resources.values()].map((stored) => readableBy(actor.roles, stored.resource));
    const documents = new Map<string, Uint8Array>();
    for (const { document } of all) {
      if (document === undefined) continue;
      documents.set(document.hash, (await tools.documents.bytesOf(tools.db, document.hash)).bytes);
    }
    const files = [...writeBundle(all, documents)].map(([path, bytes]) => ({
      path,
      contentBase64: Buffer.from(bytes).toString("base64"),
    }));
    return { status: 200, json: { revision, files }, headers: { "Portico-Revision": String(revision) } };
  },
});
