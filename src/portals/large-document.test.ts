import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { silentLog } from "../base/log.ts";
import { createPortalApp, type WebApp } from "./portal-app.ts";
import { testingManagement } from "./testing-management.ts";
import { ensureWebBuilt } from "./web-build.ts";

const operationsCount = 5000;
const pageBytesMax = 250_000;
/** Of this process's own work: how busy the machine is otherwise says nothing. */
const pageCpuMsMax = 2_000;

/** A document of 5,000 operations in one tag and fifty, whose schemas contain themselves and each other. */
const largeDocument = (): string => {
  const schema = (index: number): unknown => ({
    type: "object",
    properties: {
      self: { $ref: `#/components/schemas/S${index}` },
      ...Object.fromEntries(
        Array.from({ length: 30 }, (_, n) => [`p${n}`, { $ref: `#/components/schemas/S${(index + n + 1) % 50}` }]),
      ),
    },
  });
  const paths = Object.fromEntries(
    Array.from({ length: operationsCount }, (_, n) => [
      `/things/${n}/{id}`,
      {
        post: {
          operationId: `op${n}`,
          tags: [n % 2 === 0 ? "all" : `tag ${n % 50}`],
          summary: `Operation ${n}`,
          parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
          requestBody: { content: { "application/json": { schema: { $ref: `#/components/schemas/S${n % 50}` } } } },
          responses: Object.fromEntries(
            [200, 400, 401, 404, 409, 500].map((status) => [
              String(status),
              {
                description: "An answer.",
                content: { "application/json": { schema: { $ref: `#/components/schemas/S${(n + status) % 50}` } } },
              },
            ]),
          ),
        },
      },
    ]),
  );
  const schemas = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`S${index}`, schema(index)]));
  return JSON.stringify({ openapi: "3.1.0", info: { title: "Large", version: "1" }, paths, components: { schemas } });
};

let app: WebApp;
const directory = mkdtempSync(join(tmpdir(), "portico-large-"));

before(async () => {
  const file = join(directory, "openapi.json");
  writeFileSync(file, largeDocument());
  const management = testingManagement([{ body: { name: "large", path: "/large" }, file }]);
  app = await createPortalApp({
    management,
    gatewayUrl: "http://127.0.0.1:8080",
    webDir: await ensureWebBuilt(),
    log: silentLog,
  });
  // Reading the document the first time is the management API's part, and is done once.
  await app.fetch(new Request("http://127.0.0.1:8081/apis/large"));
});

after(() => rmSync(directory, { recursive: true, force: true }));

for (const path of [
  "/apis/large",
  "/apis/large?q=operation",
  "/apis/large/reference/all",
  "/apis/large/reference/all?page=7",
  "/apis/large/reference/all/op2500",
  "/apis/large/reference/tag%201/op4951",
]) {
  test(`${path} of a document with ${operationsCount} operations is small and quick`, async () => {
    const started = process.cpuUsage();
    const response = await app.fetch(new Request(`http://127.0.0.1:8081${path}`));
    const text = await response.text();
    const { user, system } = process.cpuUsage(started);
    const ms = (user + system) / 1000;
    assert.equal(response.status, 200);
    assert.ok(text.length < pageBytesMax, `${text.length} bytes`);
    assert.ok(ms < pageCpuMsMax, `${ms.toFixed(0)} ms of work`);
  });
}
