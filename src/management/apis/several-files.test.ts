import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, describe, test } from "node:test";
import { openTestPlatform, type TestPlatform } from "../testing-platform.ts";

let platform: TestPlatform;
let server: Server;
let origin = "";
const files: Record<string, string> = {};

before(async () => {
  platform = await openTestPlatform();
  server = createServer((request, response) => {
    const text = files[request.url ?? ""];
    response.writeHead(text === undefined ? 404 : 200, { "content-type": "application/json" }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
});
after(async () => {
  server.close();
  await platform.close();
});

const responses = (schema: string): unknown => ({
  200: { description: "ok", content: { "application/json": { schema: { $ref: schema } } } },
});
const head = { openapi: "3.1.0", info: { title: "Parts", version: "1" } };

/** A document in four files: beside it, above it, by an absolute reference to its own directory, and back to itself. */
const publish = (colour = "colour"): void => {
  files["/api/v1/main.json"] = JSON.stringify({
    ...head,
    paths: {
      "/beside": { $ref: "parts/paths.json#/beside" },
      "/above": { $ref: "../shared.json#/above" },
      "/absolute": { $ref: `${origin}/api/v1/absolute.json` },
    },
    components: { schemas: { Thing: { type: "object", properties: { [colour]: { type: "string" } } } } },
  });
  files["/api/v1/parts/paths.json"] = JSON.stringify({
    beside: { get: { operationId: "beside", responses: responses("../main.json#/components/schemas/Thing") } },
  });
  files["/api/shared.json"] = JSON.stringify({
    above: { get: { operationId: "above", responses: responses("v1/main.json#/components/schemas/Thing") } },
  });
  files["/api/v1/absolute.json"] = JSON.stringify({
    get: { operationId: "absolute", responses: responses("#/components/size") },
    components: { size: { type: "object", properties: { size: { type: "integer" } } } },
  });
};

const importIt = (name: string) =>
  platform.call("POST", "/apis:import", { name, backend: "mock", document: { url: `${origin}/api/v1/main.json` } });
const idsOf = async (name: string): Promise<readonly string[]> => {
  const listed = await platform.call("GET", `/apis/${name}/operations`);
  return (listed.at("items") as { id: string }[]).map(({ id }) => id);
};
const bytesOf = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(Buffer.from((await platform.call("GET", `/apis/${name}/document`)).text));
const asJson = { headers: { "content-type": "application/json" } };

describe("documents of several files", () => {
  test("every file is found again after the import, wherever it lies, also by another process", async () => {
    publish();
    const imported = await importIt("parts");
    assert.equal(imported.status, 201, imported.text);
    assert.equal((imported.at("operations", "added") as unknown[]).length, 3);
    assert.deepEqual(await idsOf("parts"), ["beside", "above", "absolute"]);
    const another = await platform.another();
    for (const [id, word] of [
      ["beside", /colour/],
      ["above", /colour/],
      ["absolute", /size/],
    ] as const) {
      const described = await another.fetch(
        new Request(`http://control.test/api/v1/apis/parts/operations/${id}`, {
          headers: { authorization: `Bearer ${platform.ownerToken}` },
        }),
      );
      assert.equal(described.status, 200);
      assert.match(await described.text(), word);
    }
  });

  test("a change in one of the files is a change: a plan, a revision, and the former one comes back by rollback", async () => {
    publish();
    const first = (await importIt("changing")).at("revision");
    assert.equal((await importIt("changing")).at("revision"), undefined);
    files["/api/shared.json"] = JSON.stringify({
      above: { get: { operationId: "above", responses: responses("v1/main.json#/components/schemas/Thing") } },
    }).replace('"get"', '"put"');
    const second = await importIt("changing");
    assert.equal(second.status, 200, second.text);
    assert.equal(second.at("operations", "changed", 0, "changes", 0, "code"), "operation.moved");
    assert.ok(Number(second.at("revision")) > Number(first));
    const methodOf = async () => (await platform.call("GET", "/apis/changing/operations/above")).at("method");
    assert.equal(await methodOf(), "PUT");
    const back = await platform.call("POST", `/revisions/${first}:rollback`, {});
    assert.equal(back.status, 200, back.text);
    assert.equal(await methodOf(), "GET");
  });

  test("the document replaced by hand keeps the files that it came with; one that nobody knows is refused", async () => {
    publish();
    await importIt("edited");
    const bytes = await bytesOf("edited");
    const same = await platform.call("PUT", "/apis/edited/document", bytes, asJson);
    assert.equal(same.status, 200, same.text);
    assert.deepEqual(same.at("operations", "removed"), []);
    const next = Buffer.from(bytes).toString().replace('"title":"Parts"', '"title":"Parts, edited"');
    const changed = await platform.call("PUT", "/apis/edited/document", new Uint8Array(Buffer.from(next)), asJson);
    assert.equal(changed.status, 200, changed.text);
    assert.deepEqual(await idsOf("edited"), ["beside", "above", "absolute"]);
    const broken = Buffer.from(next.replace("parts/paths.json", "parts/other.json"));
    const refused = await platform.call("PUT", "/apis/edited/document", new Uint8Array(broken), asJson);
    assert.deepEqual([refused.status, refused.at("code")], [422, "document.external_unavailable"]);
    assert.deepEqual(await idsOf("edited"), ["beside", "above", "absolute"]);
  });

  test("bytes that refer to files which did not come with them are refused, not published without their operations", async () => {
    publish();
    const document = {
      fileName: "main.json",
      contentBase64: Buffer.from(files["/api/v1/main.json"] ?? "").toString("base64"),
    };
    const refused = await platform.call("POST", "/apis:import", { name: "alone", document });
    assert.deepEqual([refused.status, refused.at("code")], [422, "document.external_unavailable"]);
    assert.equal((refused.at("errors") as unknown[]).length, 2, refused.text);
  });

  test("a bundle that was pulled keeps them, also when the document in it is edited; without them it is refused", async () => {
    publish();
    await importIt("bundled");
    const pulled = (await platform.call("GET", "/bundle")).at("files") as { path: string; contentBase64: string }[];
    const again = await platform.call("POST", "/bundle:apply", { files: pulled });
    assert.deepEqual([again.status, again.at("changes")], [200, []], again.text);
    const edited = pulled.map((file) =>
      file.path === "apis/bundled/openapi.json"
        ? {
            ...file,
            contentBase64: Buffer.from(
              Buffer.from(file.contentBase64, "base64").toString().replace('"title":"Parts"', '"title":"Edited"'),
            ).toString("base64"),
          }
        : file,
    );
    const applied = await platform.call("POST", "/bundle:apply", { files: edited });
    assert.equal(applied.status, 200, applied.text);
    assert.deepEqual(await idsOf("bundled"), ["beside", "above", "absolute"]);
    const moved = pulled
      .filter(({ path }) => path.startsWith("apis/bundled/"))
      .map((file) => ({ ...file, path: file.path.replace("/bundled/", "/strange/") }));
    const refused = await platform.call("POST", "/bundle:apply", { files: moved });
    assert.equal(refused.status, 422);
    assert.match(refused.text, /parts\/paths\.json/);
  });
});
