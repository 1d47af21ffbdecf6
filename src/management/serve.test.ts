import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { managementProblems } from "./problems.ts";
import { importBody, openTestPlatform, type TestAnswer, type TestPlatform } from "./testing-platform.ts";

let platform: TestPlatform;
before(async () => {
  platform = await openTestPlatform();
  assert.equal((await platform.call("POST", "/apis:import", importBody("orders"))).status, 201);
});
after(() => platform.close());

const isProblem = (answer: TestAnswer, status: number, code: keyof typeof managementProblems): void => {
  assert.deepEqual([answer.status, answer.at("code")], [status, code], answer.text);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(answer.at("status"), status);
  assert.equal(answer.at("type"), `urn:portico:error:${code}`);
  assert.equal(answer.at("requestId"), answer.headers.get("x-request-id"));
  assert.equal(managementProblems[code].status, status);
};

describe("400", () => {
  test("an unknown query parameter is refused by name", async () => {
    const answer = await platform.call("GET", "/apis?limt=3");
    isProblem(answer, 400, "parameter.invalid");
    assert.equal(answer.at("errors", 0, "parameter"), "limt");
  });
  test("a parameter that stands twice is refused", async () => {
    isProblem(await platform.call("GET", "/apis?limit=3&limit=4"), 400, "parameter.invalid");
  });
  test("a limit that is no number, a cursor that is none of ours, a revision that is none", async () => {
    for (const path of [
      "/apis?limit=0",
      "/apis?limit=1e9",
      "/apis?cursor=abc",
      "/revisions?cursor=YWZ0ZXI6eA",
      "/revisions/x",
    ]) {
      isProblem(await platform.call("GET", path), 400, "parameter.invalid");
    }
  });
  test("a name with capitals, a bad percent-encoding", async () => {
    isProblem(await platform.call("GET", "/apis/Orders"), 400, "parameter.invalid");
    isProblem(await platform.call("GET", "/apis/%E0%A4%A"), 400, "parameter.invalid");
  });
  test("a body that is not JSON, not UTF-8, or holds NUL", async () => {
    for (const text of ["{", "", '{"steps":[],"description":"\\u0000"}', "\xff"]) {
      const body = Buffer.from(text, "latin1");
      const answer = await platform.call("PUT", "/fragments/x", new Uint8Array(body), {
        headers: { "content-type": "application/json" },
      });
      isProblem(answer, 400, text === "" ? "body.missing" : "body.malformed");
    }
  });
  test("a malformed condition or idempotency key", async () => {
    const options = { headers: { "if-match": "orders" } };
    isProblem(await platform.call("PATCH", "/apis/orders", { title: "x" }, options), 400, "precondition.invalid");
    const keyed = { headers: { "idempotency-key": "a b" } };
    isProblem(await platform.call("POST", "/organizations", { name: "x" }, keyed), 400, "idempotency.key_invalid");
  });
  test("a wait for anything but applied, a timeout that is no duration", async () => {
    isProblem(await platform.call("PUT", "/fragments/x?wait=forever", { steps: [] }), 400, "parameter.invalid");
    isProblem(await platform.call("PUT", "/fragments/x?timeout=soon", { steps: [] }), 400, "parameter.invalid");
  });
});

describe("401", () => {
  test("a token that nobody issued, of every form, and a scheme that is not Bearer", async () => {
    for (const token of ["nonsense", `ptu_${"a".repeat(40)}`, `pto_${"a".repeat(40)}`]) {
      const answer = await platform.call("GET", "/apis", undefined, { token });
      isProblem(answer, 401, "credential.invalid");
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
    }
    const basic = { token: "", headers: { authorization: "Basic b3duZXI6" } };
    isProblem(await platform.call("GET", "/apis", undefined, basic), 401, "credential.invalid");
  });
});

describe("404 and 405", () => {
  test("an unknown path", async () => {
    isProblem(await platform.call("GET", "/nothing"), 404, "path.not_found");
    isProblem(await platform.call("GET", "/apis/orders/nothing"), 404, "path.not_found");
    isProblem(await platform.call("GET", "/apis/"), 404, "path.not_found");
  });
  test("a known path with another method names those that it has", async () => {
    const answer = await platform.call("DELETE", "/apis");
    isProblem(answer, 405, "method.not_allowed");
    assert.equal(answer.headers.get("allow"), "GET, HEAD");
    const rotate = await platform.call("GET", "/keys/abc:rotate");
    isProblem(rotate, 405, "method.not_allowed");
    assert.equal(rotate.headers.get("allow"), "POST");
  });
});

describe("412", () => {
  test("If-Match with an old tag, a tag where nothing is, and If-None-Match: * where something is", async () => {
    const tag = (await platform.call("GET", "/apis/orders")).headers.get("etag") ?? "";
    const changed = await platform.call(
      "PATCH",
      "/apis/orders",
      { title: "Changed" },
      { headers: { "if-match": tag } },
    );
    assert.equal(changed.status, 200);
    const lost = await platform.call("PATCH", "/apis/orders", { title: "Lost" }, { headers: { "if-match": tag } });
    isProblem(lost, 412, "precondition.failed");
    assert.equal((await platform.call("GET", "/apis/orders")).at("title"), "Changed");
    const nothing = await platform.call("PUT", "/fragments/none", { steps: [] }, { headers: { "if-match": "*" } });
    isProblem(nothing, 412, "precondition.failed");
    const create = () => platform.call("PUT", "/fragments/once", { steps: [] }, { headers: { "if-none-match": "*" } });
    assert.equal((await create()).status, 201);
    isProblem(await create(), 412, "precondition.failed");
  });
});

describe("413 and 415", () => {
  test("a body above the limit is refused by its length and by its bytes", async () => {
    const steps = [{ "set-header": { name: "x", value: "a".repeat(3 * 1024 * 1024) } }];
    isProblem(await platform.call("PUT", "/fragments/large", { steps }), 413, "body.too_large");
  });
  test("a media type that the operation does not take", async () => {
    const headers = { "content-type": "text/xml" };
    const answer = await platform.call("PUT", "/fragments/x", { steps: [] }, { headers });
    isProblem(answer, 415, "body.media_type_unsupported");
    assert.match(answer.text, /application\/json/);
  });
});

describe("422", () => {
  test("every unknown and wrong field at once, each with its pointer", async () => {
    const answer = await platform.call("PUT", "/backends/b", {
      kind: "http",
      url: "ftp://x",
      timeuot: 1,
      timeout: "soon",
    });
    isProblem(answer, 422, "body.invalid");
    const pointers = (answer.at("errors") as { pointer: string }[]).map((error) => error.pointer).sort();
    assert.deepEqual(pointers, ["/timeout", "/timeuot", "/url"]);
  });
  test("an Idempotency-Key that was used for another request", async () => {
    const headers = { "idempotency-key": "once-only" };
    assert.equal((await platform.call("POST", "/organizations", { name: "first" }, { headers })).status, 201);
    const answer = await platform.call("POST", "/organizations", { name: "second" }, { headers });
    isProblem(answer, 422, "idempotency.mismatch");
  });
});

describe("200", () => {
  test("304 for a reader who has it already; HEAD answers without a body", async () => {
    const first = await platform.call("GET", "/apis/orders");
    const headers = { "if-none-match": first.headers.get("etag") ?? "" };
    const again = await platform.call("GET", "/apis/orders", undefined, { headers });
    assert.deepEqual([again.status, again.text], [304, ""]);
    assert.equal(again.headers.get("etag"), first.headers.get("etag"));
    const head = await platform.call("HEAD", "/apis/orders");
    assert.deepEqual([head.status, head.text], [200, ""]);
  });
  test("a plain request id of the client comes back, any other is replaced", async () => {
    const given = { headers: { "x-request-id": "my-request-1" } };
    assert.equal((await platform.call("GET", "/apis", undefined, given)).headers.get("x-request-id"), "my-request-1");
    const odd = { headers: { "x-request-id": "a b<c>" } };
    assert.match(
      (await platform.call("GET", "/apis", undefined, odd)).headers.get("x-request-id") ?? "",
      /^[0-9a-f-]{36}$/,
    );
  });
  test("what GET gives can be changed and PUT back", async () => {
    const read = await platform.call("GET", "/apis/orders");
    const body = { ...(read.json as object), title: "Sent back" };
    const answer = await platform.call("PUT", "/apis/orders", body);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.at("title"), "Sent back");
  });
  test("pages hold every entry once, in order", async () => {
    for (let i = 0; i < 7; i += 1) await platform.call("PUT", `/fragments/p${i}`, { steps: [] });
    const names: unknown[] = [];
    let cursor: unknown;
    do {
      const page: TestAnswer = await platform.call("GET", `/fragments?limit=3${cursor ? `&cursor=${cursor}` : ""}`);
      for (const item of page.at("items") as { name: string }[]) names.push(item.name);
      cursor = page.at("next");
    } while (cursor !== undefined);
    assert.deepEqual(names, [...names].sort());
    assert.ok([0, 1, 2, 3, 4, 5, 6].every((i) => names.includes(`p${i}`)));
    assert.equal(new Set(names).size, names.length);
  });
});
