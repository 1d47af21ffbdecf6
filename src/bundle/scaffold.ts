import type { ResourceKind } from "../model/resource.ts";
import { filePathOf } from "./bundle-paths.ts";
import { jsonSchemas, type PolicyHint, schemaPathOf } from "./json-schemas.ts";

/** The files of a new bundle with one API, a product and a limit, and the JSON Schemas that editors complete them with. */
export const scaffold = (workspace: string, policies: readonly PolicyHint[] = []): ReadonlyMap<string, string> =>
  new Map([
    ...starterFiles.map(({ kind, name, text }): [string, string] => {
      const path = filePathOf(kind, name);
      return [path, `${schemaLine(kind, path)}${text.replace("WORKSPACE", workspace)}`];
    }),
    ["apis/hello/openapi.yaml", helloDocument],
    [
      ".gitignore",
      "# The JSON Schemas are made anew by `portico init`; the rest is the data of `portico up`.\n/.portico/\n",
    ],
    ...jsonSchemas(policies),
  ]);

/** The first line of a file, by which editors find its JSON Schema. */
const schemaLine = (kind: ResourceKind, path: string): string =>
  `# yaml-language-server: $schema=${"../".repeat(path.split("/").length - 1)}${schemaPathOf(kind)}\n`;

const starterFiles: readonly { readonly kind: ResourceKind; readonly name: string; readonly text: string }[] = [
  {
    kind: "settings",
    name: "platform",
    text: `# What this directory owns on a platform is kept under this name: \`portico apply\` deletes only what is its own.
workspace: WORKSPACE
`,
  },
  {
    kind: "api",
    name: "hello",
    text: `path: /hello
# Answers from the document's examples until there is a service: an http(s) URL, or the name of a file in backends/.
backend: mock
protect: key
`,
  },
  {
    kind: "api-policy",
    name: "hello",
    text: `inbound:
  - base
  - set-header: { name: x-portico, value: hello }
`,
  },
  {
    kind: "product",
    name: "starter",
    text: `title: Starter
apis: [hello]
plans:
  free:
    title: Free
    rate-limit: { calls: 60, window: 60s }
`,
  },
];

const helloDocument = `openapi: 3.1.0
info:
  title: Hello
  version: 1.0.0
paths:
  /greetings/{name}:
    get:
      operationId: greet
      summary: Greets somebody
      parameters:
        - name: name
          in: path
          required: true
          schema: { type: string }
      responses:
        "200":
          description: The greeting
          content:
            application/json:
              schema:
                type: object
                required: [message]
                properties:
                  message: { type: string }
              example: { message: Hello from Portico }
`;
