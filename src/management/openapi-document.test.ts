import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Validator } from "@seriousme/openapi-schema-validator";
import { openApiDocument } from "./openapi-document.ts";
import { operations } from "./operations.ts";

const golden = fileURLToPath(new URL("./openapi.golden.json", import.meta.url));
const generated = `${JSON.stringify(openApiDocument(operations), null, 1)}\n`;

test("the document is the golden file, byte for byte (UPDATE_GOLDEN=1 rewrites it)", () => {
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(golden, generated);
  assert.equal(generated, readFileSync(golden, "utf8"));
});

test("an independent validator accepts the document", async () => {
  const result = await new Validator().validate(JSON.parse(generated));
  assert.deepEqual(result.errors ?? [], []);
  assert.equal(result.valid, true);
});

test("every operation has its own id and its own method and path, and says what it asks of its caller", () => {
  const ids = operations.map((operation) => operation.id);
  assert.deepEqual(ids, [...new Set(ids)]);
  const places = operations.map((operation) => `${operation.method} ${operation.path.replace(/\{\w+\}/g, "{}")}`);
  assert.deepEqual(places, [...new Set(places)]);
  assert.ok(operations.length > 90, `${operations.length} operations`);
});
