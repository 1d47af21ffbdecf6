/** The media type of a document by its file's name (RFC 9512 for YAML; OpenAPI documents have no type of their own that browsers know). */
export const mediaTypeOf = (fileName: string): string =>
  fileName.endsWith(".json") ? "application/json" : "application/yaml";

/** The media types in which a document may be sent. */
export const documentMediaTypes = [
  "application/json",
  "application/yaml",
  "application/x-yaml",
  "text/yaml",
  "text/x-yaml",
  "application/vnd.oai.openapi",
  "application/vnd.oai.openapi+json",
  "application/openapi+json",
  "application/openapi+yaml",
  "text/plain",
  "application/octet-stream",
] as const;

/** The name under which a document is kept in the bundle: what follows from its text where its own name is none of ours. */
export const documentFileName = (given: string | undefined, isJson: boolean): string => {
  const last = given?.split(/[\\/]/).at(-1) ?? "";
  if (last === "openapi.json" || last === "openapi.yaml" || last === "openapi.yml") return last;
  return isJson ? "openapi.json" : "openapi.yaml";
};
