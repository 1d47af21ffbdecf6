import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { generatedFile, generateTypes } from "./generate.ts";

test("the studio's types are those of the management API's document (npm run generate -w web)", async () => {
  assert.equal(await readFile(generatedFile, "utf8"), await generateTypes());
});
