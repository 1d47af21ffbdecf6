import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { operationsOf } from "../../openapi/operations.ts";
import { readDocument } from "../../openapi/read-document.ts";
import { buildOperationTree } from "./operation-tree.ts";
import { parametersOf, parseTemplate } from "./path-template.ts";

const root = join(import.meta.dirname, "../../..");
const shared = join(root, "../shared/specs");
const files = [
  ...(existsSync(shared) ? globSync("*.{json,yaml}", { cwd: shared }).map((name) => join(shared, name)) : []),
  ...globSync("examples/bookshop/apis/*/openapi.yaml", { cwd: root }).map((name) => join(root, name)),
  join(root, "node_modules/@octokit/openapi/generated/api.github.com.json"),
];

// What a parameter may be: plain, like a word of the path, with encoded slash and space, with a dot and a dash.
const values = ["7", "users", "a%2Fb%20c", "x.y-z~", "%C3%BC"];

for (const file of files) {
  test(`each operation of ${basename(file)} routes to itself and to nothing else, whatever its parameters are`, (t) => {
    if (!existsSync(file)) return t.skip(`${file} is not here`);
    const operations = operationsOf(readDocument(readFileSync(file), { name: basename(file) }));
    const entries = operations.map((operation) => {
      const template = parseTemplate(operation.path);
      if (typeof template === "string") throw new Error(template);
      return { id: operation.id, method: operation.method, template, value: operation };
    });
    const { tree, duplicates } = buildOperationTree(entries);
    assert.deepEqual(duplicates, []);
    const literals = new Set(operations.map((operation) => `${operation.method} ${operation.path}`));
    for (const { template, value: operation } of entries) {
      for (const value of values) {
        const path = operation.path.replace(/\{[^}]*\}/g, value);
        // `/users/{name}` with the name `me` is the literal `/users/me`, where the document has that too.
        const isAnother = template.hasParameters && literals.has(`${operation.method} ${decodeURIComponent(path)}`);
        const found = tree.find(operation.method, path, "");
        if (isAnother) continue;
        if (value === "7") {
          assert.equal(found?.id, operation.id, `${operation.method} ${path}`);
          const parameters = parametersOf(template, path);
          for (const name of Object.keys(parameters)) assert.equal(parameters[name], "7");
        } else assert.ok(found !== null && found.method === operation.method, `${operation.method} ${path}`);
        assert.ok(tree.allowed(path, "").includes(operation.method));
      }
      assert.equal(tree.find("PROPFIND", operation.path.replace(/\{[^}]*\}/g, "7"), ""), null);
    }
    assert.equal(tree.find("GET", "/no/such/path/in/any/of/these/documents/at/all", ""), null);
    console.log(`${basename(file)}: ${operations.length} operations`);
  });
}

test("the documents were found", () => {
  assert.ok(files.length >= 3, `${files.length} files`);
});
