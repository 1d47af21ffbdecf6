import { nearest } from "../base/nearest.ts";
import { nameSchema } from "../model/names.ts";
import { type ResourceKind, settingsName } from "../model/resource.ts";

/** What a path of a bundle is for. */
export type Place =
  | { readonly role: "resource"; readonly kind: ResourceKind; readonly name: string }
  | { readonly role: "document"; readonly api: string }
  | { readonly role: "ignored"; readonly message: string }
  | { readonly role: "refused"; readonly message: string; readonly next: string };

/** The names that the document of an API may have; exactly one of them is there. */
export const documentFileNames = ["openapi.yaml", "openapi.yml", "openapi.json"] as const;

/** The file that holds a resource, relative to the bundle. */
export const filePathOf = (kind: ResourceKind, name: string): string => {
  if (kind === "settings") return "portico.yaml";
  if (kind === "api") return `apis/${name}/api.yaml`;
  if (kind === "api-policy") return `apis/${name}/policy.yaml`;
  return `${folders[kind]}/${name}.yaml`;
};

/** The file that holds an API's document. */
export const documentPathOf = (api: string, fileName: string): string => `apis/${api}/${fileName}`;

/** What a path is for, by its name alone. Unknown means refused. */
export const placeOf = (path: string): Place => {
  const unsafe = unsafeReason(path);
  if (unsafe !== undefined) return refused(`the path ${unsafe}`, "Use plain relative paths with '/'.");
  const parts = path.split("/");
  const [first = "", second = "", third = ""] = parts;
  if (parts.some((part) => part.startsWith(".")))
    return { role: "ignored", message: "files and folders with a leading dot are not read" };
  if (parts.length === 1) return rootFile(first);
  const left = ignoredFolders[first];
  if (left !== undefined) return { role: "ignored", message: left };
  const later = laterFolders[first];
  if (later !== undefined) return notYet(later);
  if (first === "apis") return parts.length === 3 ? apiFile(second, third) : unknownBelow(path, "apis/NAME/FILE");
  const kind = folderKinds[first];
  if (kind === undefined) {
    const meant = nearest(first, topFolders);
    return refused(
      `unknown folder '${first}'`,
      meant === undefined ? `Known folders: ${topFolders.join(", ")}.` : `Did you mean '${meant}/'?`,
    );
  }
  return parts.length === 2 ? namedFile(kind, first, second) : unknownBelow(path, `${first}/NAME.yaml`);
};

const folders = {
  product: "products",
  backend: "backends",
  fragment: "policies",
  "named-value": "named-values",
  certificate: "certificates",
} as const;

const folderKinds: Readonly<Record<string, keyof typeof folders | undefined>> = {
  products: "product",
  backends: "backend",
  policies: "fragment",
  "named-values": "named-value",
  certificates: "certificate",
};

const ignoredFolders: Readonly<Record<string, string | undefined>> = {
  portal: "portal/ is left to the developer portal and changes nothing here",
  tests: "tests/ is left to `portico test` and changes nothing here",
  service: "service/ holds the source code of a microservice and changes nothing here",
  services: "services/ holds the source code of microservices and changes nothing here",
};

const laterFolders: Readonly<Record<string, string | undefined>> = {
  functions: "function apps (functions/)",
  data: "data services (data/)",
};

const topFolders = ["apis", ...Object.keys(folderKinds), ...Object.keys(ignoredFolders), ...Object.keys(laterFolders)];

const laterApiFiles: Readonly<Record<string, string | undefined>> = {
  "policy.xml": "policies in XML notation (policy.xml)",
  "graphql.graphql": "GraphQL APIs (graphql.graphql)",
  "service.wsdl": "SOAP APIs (service.wsdl)",
  "service.proto": "gRPC APIs (service.proto)",
};

const rootFile = (name: string): Place => {
  if (name === "portico.yaml") return { role: "resource", kind: "settings", name: settingsName };
  if (/^(readme|license|licence|changelog|notice|contributing)(\.[a-z]+)?$/i.test(name)) {
    return { role: "ignored", message: "is for people and changes nothing" };
  }
  const meant = nearest(name, ["portico.yaml"]);
  return refused(
    "unknown file",
    meant === undefined ? "Beside folders, a bundle holds only portico.yaml." : `Did you mean '${meant}'?`,
  );
};

const apiFile = (api: string, fileName: string): Place => {
  const problem = nameProblem(api);
  if (problem !== undefined) return refused(`'${api}' cannot be the name of an API`, problem);
  if (fileName === "api.yaml") return { role: "resource", kind: "api", name: api };
  if (fileName === "policy.yaml") return { role: "resource", kind: "api-policy", name: api };
  if (isDocumentFileName(fileName)) return { role: "document", api };
  const later = laterApiFiles[fileName];
  if (later !== undefined) return notYet(later);
  if (/^readme(\.[a-z]+)?$/i.test(fileName)) return { role: "ignored", message: "is for people and changes nothing" };
  const known = ["api.yaml", "policy.yaml", ...documentFileNames];
  const meant = nearest(fileName, known);
  return refused(
    "unknown file",
    meant === undefined ? `A folder of an API holds ${known.join(", ")}.` : `Did you mean '${meant}'?`,
  );
};

const namedFile = (kind: keyof typeof folders, folder: string, fileName: string): Place => {
  if (kind === "fragment" && fileName.endsWith(".ts")) return notYet("policies in TypeScript (policies/*.ts)");
  if (!fileName.endsWith(".yaml")) {
    return refused("unknown file", `Files in ${folder}/ are called NAME.yaml.`);
  }
  const name = fileName.slice(0, -".yaml".length);
  const problem = nameProblem(name);
  if (problem !== undefined) return refused(`'${name}' cannot be the name of a ${kind}`, problem);
  if (kind === "backend" && name === "mock") {
    return refused("'mock' is the name of the built-in mock backend", "Give the file another name.");
  }
  return { role: "resource", kind, name };
};

const nameProblem = (name: string): string | undefined => {
  const parsed = nameSchema.safeParse(name);
  return parsed.success ? undefined : `${capital(parsed.error.issues[0]?.message ?? "Use another name")}.`;
};

const isDocumentFileName = (name: string): boolean => documentFileNames.some((known) => known === name);

const unknownBelow = (path: string, form: string): Place =>
  refused(
    "unknown file",
    `${path.split("/")[0]}/ holds ${form}${form.startsWith("apis") ? "; external files of a document belong into the document" : ""}.`,
  );

const unsafeReason = (path: string): string | undefined => {
  if (path === "" || path.length > 1000) return "is empty or too long";
  if (path.startsWith("/") || path.includes("\\")) return "is absolute or has a backslash";
  if (/[\u0000-\u001f\u007f]/.test(path)) return "has a control character";
  if (path.split("/").some((part) => part === "" || part === "." || part === ".."))
    return "has an empty or dot segment";
  return undefined;
};

const notYet = (what: string): Place =>
  refused(`${what} are not available in this version`, "Remove the file from the bundle.");

const refused = (message: string, next: string): Place => ({ role: "refused", message, next });

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
