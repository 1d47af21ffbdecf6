import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { freePortBase, main, root } from "./testing-platform.ts";

/*
 * Content validation in the real gateway: from the document in a bundle on disk to the answer on the wire.
 */

let origin: Server;
let gateway: ChildProcess;
let directory = "";
let base = "";
let output = "";

const order = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", pattern: "^(a+)+$" },
    parts: { type: "array", items: { $ref: "#/definitions/Order" } },
  },
};
const document = {
  swagger: "2.0",
  info: { title: "Orders", version: "1" },
  consumes: ["application/json"],
  produces: ["application/json"],
  paths: {
    "/orders/{id}": {
      post: {
        operationId: "create",
        parameters: [
          { name: "id", in: "path", required: true, type: "integer" },
          { name: "tags", in: "query", type: "array", collectionFormat: "pipes", items: { type: "integer" } },
          { name: "body", in: "body", required: true, schema: { $ref: "#/definitions/Order" } },
        ],
        responses: { 200: { description: "ok", schema: { type: "object", required: ["body"] } } },
      },
    },
  },
  definitions: { Order: order },
};

before(async () => {
  origin = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(body.includes("aaaa") ? { other: 1 } : { body }));
    });
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  directory = await mkdtemp(join(tmpdir(), "portico-validation-"));
  const files: Record<string, string> = {
    "apis/orders/openapi.json": JSON.stringify(document),
    "apis/orders/api.yaml": `path: /shop\nbackend: http://127.0.0.1:${(origin.address() as AddressInfo).port}\nprotect: none\n`,
    "apis/orders/policy.yaml":
      "inbound:\n  - json-threat: { max-depth: 10 }\n  - validate-request: {}\noutbound:\n  - validate-response: {}\n",
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(directory, "bundle", name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const port = await freePortBase();
  base = `http://127.0.0.1:${port}/shop/orders`;
  const settings = ["--port", String(port), "--ops-port", String(port + 1), "--threads", "1"];
  gateway = spawn(
    process.execPath,
    [main, "gateway", "--config", join(directory, "bundle"), ...settings, "--data", join(directory, "data")],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  );
  gateway.stdout?.on("data", (chunk) => (output += String(chunk)));
  gateway.stderr?.on("data", (chunk) => (output += String(chunk)));
  for (let turn = 0; turn < 400; turn++) {
    const ready = await fetch(`http://127.0.0.1:${port + 1}/readyz`).then(
      (reply) => reply.ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the gateway did not become ready:\n${output}`);
});

after(async () => {
  if (gateway && gateway.exitCode === null) {
    const ended = new Promise((resolve) => gateway.once("exit", resolve));
    gateway.kill("SIGTERM");
    await ended;
  }
  origin?.close();
  origin?.closeAllConnections();
  await rm(directory, { recursive: true, force: true });
});

const post = async (path: string, body: string, type = "application/json") => {
  const reply = await fetch(`${base}${path}`, { method: "POST", body, headers: { "content-type": type } });
  const text = await reply.text();
  return { status: reply.status, text, json: JSON.parse(text) };
};

test("what the document allows reaches the backend byte for byte", async () => {
  const body = '{ "name":"a" ,"parts":[{"name":"aa"}]}';
  const reply = await post("/7?tags=1%7C2", body);
  assert.deepEqual([reply.status, reply.json], [200, { body }], `${reply.text}\n${output}`);
});

test("parameters, bodies, media types and structures are refused with their codes and pointers", async () => {
  const table: readonly (readonly [string, string, string, number, string, string])[] = [
    ["/x", '{"name":"a"}', "application/json", 400, "request.parameters_invalid", ""],
    ["/7?tags=1|x", '{"name":"a"}', "application/json", 400, "request.parameters_invalid", "/1"],
    ["/7", '{"name":"a","parts":[{}]}', "application/json", 422, "request.content_invalid", "/parts/0"],
    ["/7", "{}", "text/csv", 415, "request.media_type_unsupported", ""],
    ["/7", '{"name":"a","name":"b"}', "application/json", 400, "request.structure_refused", ""],
  ];
  for (const [path, body, type, status, code, pointer] of table) {
    const reply = await post(path, body, type);
    assert.deepEqual([reply.status, reply.json.code], [status, code], reply.text);
    if (reply.json.errors !== undefined) assert.equal(reply.json.errors[0].pointer, pointer);
  }
});

test("a pattern that would hang another engine answers, and a reply that breaks its promise is a 502", async () => {
  const hanging = await post("/7", JSON.stringify({ name: `${"a".repeat(50_000)}!` }));
  assert.equal(hanging.status, 422);
  const broken = await post("/7", '{"name":"aaaa"}');
  assert.deepEqual([broken.status, broken.json.code], [502, "backend.reply_unexpected"]);
  assert.equal(broken.json.errors, undefined);
});
