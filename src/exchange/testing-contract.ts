import { contractOf } from "../openapi/contract.ts";
import { readDocument } from "../openapi/read-document.ts";
import type { ApiContract } from "./contract.ts";

/** The contract of a document with the given paths, as a unit would carry it. */
export const testContract = (
  paths: object,
  schemas: object = {},
  version: "2.0" | "3.0.3" | "3.1.0" | "3.2.0" = "3.1.0",
): ApiContract => {
  const info = { title: "t", version: "1" };
  const document =
    version === "2.0"
      ? { swagger: "2.0", info, paths, definitions: schemas }
      : { openapi: version, info, paths, components: { schemas } };
  const { contract, problems } = contractOf(readDocument(new TextEncoder().encode(JSON.stringify(document))), {
    operations: null,
    schemas: Object.keys(schemas),
  });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return contract;
};
