import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { importBody, openTestPlatform, type TestPlatform, testDocument } from "../testing-platform.ts";

let platform: TestPlatform;
before(async () => {
  platform = await openTestPlatform();
});
after(() => platform.close());

const document = (text: string, fileName = "openapi.json") => ({
  document: { fileName, contentBase64: Buffer.from(text).toString("base64") },
});

describe("POST /apis:import", () => {
  test("422: what is no OpenAPI document, and says what it looks like", async () => {
    for (const [text, words] of [
      ["<!doctype html><title>x</title>", /HTML/],
      ["{}", /OpenAPI/],
      ['{"openapi":"9.9.9"}', /9\.9\.9/],
      ["", /empty/],
      ['{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{}}', /no operations/],
    ] as const) {
      const answer = await platform.call("POST", "/apis:import", { name: "nothing", ...document(text) });
      assert.equal(answer.status, 422, text);
      assert.match(answer.text, words);
    }
    assert.equal((await platform.call("GET", "/apis/nothing")).status, 404);
  });

  test("422: a body with an unknown field, a path that is none, and no base64", async () => {
    const body = { ...importBody("x"), paht: "/x", path: "x/", document: { fileName: "a.json", contentBase64: "***" } };
    const answer = await platform.call("POST", "/apis:import", body);
    assert.equal(answer.status, 422);
    const pointers = (answer.at("errors") as { pointer: string }[]).map(({ pointer }) => pointer);
    for (const pointer of ["/paht", "/path", "/document/contentBase64"])
      assert.ok(pointers.includes(pointer), answer.text);
  });

  test("422: a path that another API has", async () => {
    await platform.call("POST", "/apis:import", importBody("taken"));
    const answer = await platform.call("POST", "/apis:import", importBody("taken-2", { path: "/taken" }));
    assert.deepEqual([answer.status, answer.at("code")], [422, "configuration.invalid"]);
  });

  test("422: a URL that holds credentials", async () => {
    const response = await platform.management.fetch(
      new Request("http://control.test/api/v1/apis:import", {
        method: "POST",
        headers: { authorization: `Bearer ${platform.ownerToken}`, "content-type": "application/json" },
        body: JSON.stringify({ document: { url: "http://user:secret@example.com/openapi.json" } }),
      }),
    );
    assert.equal(response.status, 422);
  });

  test("201: everything is derived from the document where nothing is said", async () => {
    const answer = await platform.call("POST", "/apis:import", document(testDocument("Über Bücher & Co.")));
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.at("api"), "uber-bucher-co");
    assert.equal(answer.at("path"), "/uber-bucher-co");
    assert.equal(answer.at("title"), "Über Bücher & Co.");
    assert.deepEqual(answer.at("operations", "added", 0, "id"), "listThings");
    assert.equal(answer.headers.get("location"), "/api/v1/apis/uber-bucher-co");
    assert.equal(answer.at("revision"), Number(answer.headers.get("portico-revision")));
  });

  test("200: a dry run answers the plan and changes nothing", async () => {
    const answer = await platform.call("POST", "/apis:import", importBody("only-tried", { dryRun: true }));
    assert.equal(answer.status, 200);
    assert.equal(answer.at("isNew"), true);
    assert.equal(answer.at("revision"), undefined);
    assert.equal((await platform.call("GET", "/apis/only-tried")).status, 404);
  });

  test("200: the same document again changes nothing and takes no revision", async () => {
    await platform.call("POST", "/apis:import", importBody("again"));
    const answer = await platform.call("POST", "/apis:import", importBody("again"));
    assert.equal(answer.status, 200);
    assert.equal(answer.at("revision"), undefined);
    assert.deepEqual(answer.at("operations", "unchanged"), 1);
  });

  test("200: a re-import is one swap; policies move with a renamed operation and go with a removed one", async () => {
    await platform.call("POST", "/apis:import", importBody("moving", {}, ["kept", "renamed", "removed"]));
    await platform.call("PUT", "/products/moving", { apis: ["moving"], plans: { free: {} } });
    const limit = { inbound: ["base", { "rate-limit": { calls: 5, window: "60s" } }] };
    for (const id of ["kept", "renamed", "removed"]) {
      assert.equal((await platform.call("PUT", `/policies/apis/moving/operations/${id}`, limit)).status, 200);
    }
    const extras = { renamed: { protect: "none" }, removed: { protect: "none" } };
    const patched = await platform.call("PATCH", "/apis/moving", { operations: extras });
    assert.equal(patched.status, 200, patched.text);
    const next = JSON.parse(testDocument("moving", ["kept", "renamed", "added"])) as {
      paths: Record<string, { get: { operationId: string } }>;
    };
    if (next.paths["/renamed"]) next.paths["/renamed"].get.operationId = "newName";
    const body = importBody("moving", document(JSON.stringify(next)));
    const plan = await platform.call("POST", "/apis:import?dryRun=true", body);
    assert.equal(plan.status, 200, plan.text);
    const answer = await platform.call("POST", "/apis:import", body);
    assert.deepEqual(answer.at("operations", "added", 0, "id"), "added");
    assert.deepEqual(answer.at("operations", "removed", 0, "id"), "removed");
    assert.deepEqual(answer.at("affects"), {
      policies: [{ operation: "removed" }, { operation: "renamed", becomes: "newName" }],
      products: ["moving"],
    });
    assert.deepEqual(plan.at("affects"), answer.at("affects"));
    const policies = await platform.call("GET", "/policies");
    const scopes = (policies.at("items") as { api?: string; operation?: string }[])
      .filter((item) => item.api === "moving")
      .map((item) => item.operation);
    assert.deepEqual(scopes.sort(), ["kept", "newName"]);
    assert.deepEqual((await platform.call("GET", "/apis/moving")).at("operations"), { newName: { protect: "none" } });
  });

  test("201: from a URL, with the files that it refers to", async () => {
    const files: Record<string, string> = {
      "/api/openapi.json": JSON.stringify({
        openapi: "3.1.0",
        info: { title: "Fetched", version: "1" },
        paths: {
          "/things": {
            get: {
              operationId: "listThings",
              responses: {
                200: {
                  description: "ok",
                  content: { "application/json": { schema: { $ref: "schemas.json#/Thing" } } },
                },
              },
            },
          },
        },
      }),
      "/api/schemas.json": JSON.stringify({ Thing: { type: "object", properties: { colour: { type: "string" } } } }),
    };
    const server = createServer((request, response) => {
      const text = files[request.url ?? ""];
      response.writeHead(text === undefined ? 404 : 200, { "content-type": "application/json" }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    try {
      const url = `http://127.0.0.1:${port}/api/openapi.json`;
      const answer = await platform.call("POST", "/apis:import", { document: { url }, backend: "mock" });
      assert.equal(answer.status, 201, answer.text);
      const described = await platform.call("GET", "/apis/fetched/operations/listThings");
      assert.match(described.text, /colour/);
      const gone = await platform.call("POST", "/apis:import", { document: { url: `http://127.0.0.1:${port}/none` } });
      assert.equal(gone.status, 422, gone.text);
    } finally {
      server.close();
    }
  });
});

describe("/apis/{name}/document", () => {
  const yaml =
    "# a comment\nopenapi: 3.0.3\ninfo: {title: Kept, version: '1'}\npaths:\n  /a:\n    get:\n      responses: {'200': {description: ok}}\n\n";
  before(async () => {
    await platform.call("POST", "/apis:import", { name: "kept", backend: "mock", ...document(yaml, "my file.yml") });
  });

  test("404: no such API, for reading and for writing", async () => {
    assert.equal((await platform.call("GET", "/apis/none/document")).status, 404);
    const bytes = new Uint8Array(Buffer.from(yaml));
    assert.equal((await platform.call("PUT", "/apis/none/document", bytes)).status, 404);
  });

  test("412: a document that somebody replaced meanwhile", async () => {
    const options = { headers: { "if-match": '"0000"', "content-type": "application/yaml" } };
    assert.equal(
      (await platform.call("PUT", "/apis/kept/document", new Uint8Array(Buffer.from(yaml)), options)).status,
      412,
    );
  });

  test("200: the bytes come back as they were, under the media type of their notation", async () => {
    const response = await platform.management.fetch(
      new Request("http://control.test/api/v1/apis/kept/document", {
        headers: { authorization: `Bearer ${platform.ownerToken}` },
      }),
    );
    assert.equal(response.headers.get("content-type"), "application/yaml");
    assert.match(response.headers.get("content-disposition") ?? "", /openapi\.yaml/);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(yaml));
  });

  test("200: raw bytes replace it in one swap, also from YAML to JSON", async () => {
    const tag = (await platform.call("GET", "/apis/kept/document")).headers.get("etag") ?? "";
    const next = testDocument("Kept", ["first", "second"]);
    const options = { headers: { "if-match": tag, "content-type": "application/json" } };
    const answer = await platform.call("PUT", "/apis/kept/document", new Uint8Array(Buffer.from(next)), options);
    assert.equal(answer.status, 200, answer.text);
    assert.equal((answer.at("operations", "added") as unknown[]).length, 2);
    assert.equal((await platform.call("GET", "/apis/kept/document")).text, next);
    assert.equal((await platform.call("GET", "/apis/kept")).at("document", "fileName"), "openapi.json");
    const listed = await platform.call("GET", "/apis/kept/operations?limit=1");
    assert.equal(listed.at("items", 0, "id"), "first");
    const rest = await platform.call("GET", `/apis/kept/operations?cursor=${listed.at("next")}`);
    assert.deepEqual(
      (rest.at("items") as { id: string }[]).map(({ id }) => id),
      ["second"],
    );
    assert.equal((await platform.call("GET", "/apis/kept/outline")).at("operationCount"), 2);
    assert.equal((await platform.call("GET", "/apis/kept/operations/third")).status, 404);
  });
});

describe("PUT, PATCH and DELETE /apis/{name}", () => {
  test("404: PUT of an API that has no document yet says how to create it", async () => {
    const answer = await platform.call("PUT", "/apis/unborn", { path: "/unborn" });
    assert.equal(answer.status, 404);
    assert.match(String(answer.at("detail")), /apis:import/);
  });

  test("409: an API that a product holds is not deleted, and the product is named", async () => {
    await platform.call("POST", "/apis:import", importBody("held"));
    await platform.call("PUT", "/products/holder", { apis: ["held"], plans: { free: {} } });
    const answer = await platform.call("DELETE", "/apis/held");
    assert.deepEqual([answer.status, answer.at("code")], [409, "resource.in_use"]);
    assert.match(answer.text, /holder/);
    await platform.call("DELETE", "/products/holder");
    assert.equal((await platform.call("DELETE", "/apis/held")).status, 204);
    assert.equal((await platform.call("GET", "/apis/held")).status, 404);
  });

  test("409: a backend in use is not deleted, and its users are named", async () => {
    await platform.call("PUT", "/backends/used", { kind: "http", url: "http://127.0.0.1:1" });
    await platform.call("POST", "/apis:import", importBody("user", { backend: "used" }));
    const answer = await platform.call("DELETE", "/backends/used");
    assert.deepEqual([answer.status, answer.at("code")], [409, "resource.in_use"]);
    assert.match(String(answer.at("detail")), /api 'user'/);
  });

  test("422: a merge patch whose outcome is not valid", async () => {
    const answer = await platform.call("PATCH", "/apis/user", { path: null, protect: "keys" });
    assert.equal(answer.status, 422);
    const pointers = (answer.at("errors") as { pointer: string }[]).map(({ pointer }) => pointer).sort();
    assert.deepEqual(pointers, ["/path", "/protect"]);
  });

  test("200: null removes, what is not named stays, and the revisions of the API tell", async () => {
    await platform.call("PATCH", "/apis/user", { tags: ["a", "b"], description: "Long." });
    const answer = await platform.call("PATCH", "/apis/user", { tags: null });
    assert.equal(answer.at("tags"), undefined);
    assert.equal(answer.at("description"), "Long.");
    const revisions = (await platform.call("GET", "/apis/user/revisions")).at("items") as { revision: number }[];
    assert.equal(revisions[0]?.revision, answer.at("revision"));
    assert.equal(revisions.length, 3);
  });
});
