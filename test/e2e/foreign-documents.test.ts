import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Platform, root, startPlatform } from "./testing-platform.ts";

const folder = join(root, "../shared/specs");
const documents = existsSync(folder) ? globSync("*.{json,yaml}", { cwd: folder }) : [];
const own = globSync("examples/bookshop/apis/*/openapi.yaml", { cwd: root }).map((file) => join(root, file));

interface OperationRow {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

/** All operations of an API, page by page. */
const operationsOf = async (platform: Platform, api: string): Promise<readonly OperationRow[]> => {
  const rows: OperationRow[] = [];
  let cursor: string | null | undefined = "";
  while (cursor !== undefined && cursor !== null) {
    const page = (await (
      await platform.manage(
        "GET",
        `/apis/${api}/operations?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
      )
    ).json()) as {
      items: OperationRow[];
      next?: string | null;
    };
    rows.push(...page.items);
    cursor = page.next;
  }
  return rows;
};

describe("documents of others", () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform({ args: ["--empty"] });
  });
  after(async () => {
    await platform.stop();
  });

  for (const file of [...documents.map((name) => join(folder, name)), ...own]) {
    const shown = own.includes(file) ? file.split("/").slice(-2).join("/") : basename(file);
    test(`${shown} is imported, comes back byte for byte, and each operation routes to itself`, async (t) => {
      const bytes = readFileSync(file);
      const name = `d${shown.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`.slice(0, 60);
      const started = performance.now();
      const imported = await platform.manage("POST", "/apis:import?wait=applied", {
        name,
        path: `/${name}`,
        protect: "none",
        backend: "mock",
        document: {
          fileName: /\.json$/.test(file) ? "openapi.json" : "openapi.yaml",
          contentBase64: bytes.toString("base64"),
        },
      });
      const text = await imported.text();
      assert.ok(imported.ok, text);
      t.diagnostic(`imported and applied in ${Math.round(performance.now() - started)} ms`);
      const back = Buffer.from(await (await platform.manage("GET", `/apis/${name}/document`)).arrayBuffer());
      assert.ok(back.equals(bytes), "the bytes are the same");

      const operations = await operationsOf(platform, name);
      // A document that describes only webhooks has nothing to route.
      assert.equal(operations.length > 0, !/webhook/.test(shown));
      // The operation that served a call is told by a header that only a policy of the API's scope sets.
      const policy = await platform.manage("PUT", `/policies/apis/${name}?wait=applied`, {
        inbound: [
          "base",
          {
            "return-response": {
              "set-status": { code: 200 },
              "set-header": [{ name: "x-operation", value: "=operation.id" }],
            },
          },
        ],
      });
      assert.ok(policy.ok, await policy.text());
      for (const operation of operations) {
        const path = operation.path.replace(/\{[^}]+\}/g, "zz9");
        const response = await fetch(`${platform.gateway}/${name}${path}`, { method: operation.method });
        await response.arrayBuffer();
        assert.equal(response.headers.get("x-operation"), operation.id, `${operation.method} ${path}`);
      }
    });
  }

  test("an import that finds nothing is an error that says so", async () => {
    for (const [text, words] of [
      ["<!doctype html><title>x</title>", /HTML/i],
      ["{}", /OpenAPI/i],
      ['{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{}}', /no operations/i],
    ] as const) {
      const response = await platform.manage("POST", "/apis:import", {
        name: "nothing",
        document: { fileName: "openapi.json", contentBase64: Buffer.from(text).toString("base64") },
      });
      assert.equal(response.status, 422);
      assert.match(await response.text(), words);
    }
    assert.equal((await platform.manage("GET", "/apis/nothing")).status, 404);
  });
});
