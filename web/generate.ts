import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTypescript, { astToString, type OpenAPI3 } from "openapi-typescript";

const document = fileURLToPath(new URL("../src/management/openapi.golden.json", import.meta.url));

/** Where the types of the management API stand. */
export const generatedFile: string = fileURLToPath(new URL("./ui/generated/management.ts", import.meta.url));

/** What the studio uses of the management API. Types of the rest would only slow every check down. */
const used: Readonly<Record<string, readonly string[]>> = {
  "/api/v1/apis": ["get"],
  "/api/v1/apis:import": ["post"],
  "/api/v1/apis/{name}": ["get"],
  "/api/v1/apis/{name}/operations": ["get"],
  "/api/v1/apis/{name}/revisions": ["get"],
  "/api/v1/bundle/file": ["get"],
  "/api/v1/gateways": ["get"],
  "/api/v1/keys": ["post"],
  "/api/v1/policies/apis/{api}": ["get"],
  "/api/v1/policies/apis/{api}/operations/{operation}/effective": ["get"],
  "/api/v1/products": ["get"],
  "/api/v1/requests": ["get"],
  "/api/v1/requests/{id}/explain": ["get"],
  "/api/v1/revisions": ["get"],
  "/api/v1/sessions": ["post"],
  "/api/v1/sessions/current": ["get", "delete"],
};

/** The types, made from the checked-in document. */
export const generateTypes = async (): Promise<string> => {
  const whole: unknown = JSON.parse(await readFile(document, "utf8"));
  if (!isObject(whole) || !isObject(whole.paths)) throw new Error(`${document} is no OpenAPI document`);
  const paths = Object.fromEntries(
    Object.entries(used).map(([path, methods]) => [path, partOf(whole.paths, path, methods)]),
  );
  const schemas = isObject(whole.components) && isObject(whole.components.schemas) ? whole.components.schemas : {};
  const part = { ...whole, paths, components: { schemas: referencedSchemas(paths, schemas) } };
  // It is the document's own shape, only less of it.
  const nodes = await openapiTypescript(part as unknown as OpenAPI3, { alphabetize: true });
  return `// Made from src/management/openapi.golden.json by \`npm run generate -w web\`. Do not edit.\n${astToString(nodes)}`;
};

const partOf = (paths: unknown, path: string, methods: readonly string[]): unknown => {
  const item = isObject(paths) ? paths[path] : undefined;
  if (!isObject(item)) throw new Error(`the management API has no path ${path}`);
  return Object.fromEntries(
    methods.map((method) => {
      const operation = item[method];
      if (!isObject(operation)) throw new Error(`the management API has no ${method.toUpperCase()} ${path}`);
      const responses = isObject(operation.responses) ? operation.responses : {};
      // Refusals are all alike; `Problem` in the studio reads them.
      const answers = Object.fromEntries(Object.entries(responses).filter(([status]) => status.startsWith("2")));
      return [method, { ...operation, responses: answers }];
    }),
  );
};

const referencedSchemas = (from: unknown, schemas: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const found = new Map<string, unknown>();
  const visit = (value: unknown): void => {
    for (const [, name = ""] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (found.has(name)) continue;
      found.set(name, schemas[name]);
      visit(schemas[name] ?? {});
    }
  };
  visit(from);
  return Object.fromEntries(found);
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await mkdir(dirname(generatedFile), { recursive: true });
  await writeFile(generatedFile, await generateTypes());
}
