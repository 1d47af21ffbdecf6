import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { operations } from "./operations.ts";
import { type Role, rights, roles } from "./rights.ts";
import { openTestPlatform, type TestPlatform } from "./testing-platform.ts";

interface DocumentedOperation {
  readonly operationId: string;
  readonly "x-portico-access": string;
}

describe("rights of every operation of the document", () => {
  let platform: TestPlatform;
  const tokens = new Map<Role, string>();
  const documented: { id: string; method: string; path: string; access: string }[] = [];
  before(async () => {
    platform = await openTestPlatform();
    for (const role of roles) {
      assert.equal((await platform.call("POST", "/users", { name: role, roles: [role] })).status, 201);
      const made = await platform.call("POST", `/users/${role}/tokens`, { name: "matrix" });
      tokens.set(role, String(made.at("token")));
    }
    const response = await platform.management.fetch(new Request("http://control.test/api/v1/openapi.json"));
    const document = (await response.json()) as { paths: Record<string, Record<string, DocumentedOperation>> };
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const { operationId: id, "x-portico-access": access } = operation;
        documented.push({ id, method: method.toUpperCase(), path: path.replace("/api/v1", ""), access });
      }
    }
  });
  after(() => platform.close());

  const send = (method: string, path: string, token: string) =>
    platform.call(method, path.replace(/\{\w+\}/g, "0"), undefined, { token });

  test("the document has every operation of the table", () => {
    assert.deepEqual(documented.map(({ id }) => id).sort(), operations.map(({ id }) => id).sort());
  });

  test("401: without a credential nothing but signing in answers", async () => {
    for (const { id, method, path, access } of documented) {
      const answer = await send(method, path, "");
      if (access === "public") assert.notEqual(answer.at("code"), "credential.missing", id);
      else assert.deepEqual([answer.status, answer.at("code")], [401, "credential.missing"], id);
    }
  });

  test("403: each role is denied whatever its row does not hold, and allowed the rest", async () => {
    let denied = 0;
    for (const { id, method, path, access } of documented) {
      if (access === "public" || access === "self") continue;
      assert.ok(Object.hasOwn(rights, access), `${id} asks for ${access}`);
      const allowed: readonly string[] = rights[access as keyof typeof rights];
      for (const role of roles) {
        const answer = await send(method, path, tokens.get(role) ?? "");
        const isDenied = answer.status === 403 && answer.at("code") === "right.missing";
        assert.equal(isDenied, !allowed.includes(role), `${role}: ${id} (${access}) answered ${answer.status}`);
        if (isDenied) denied += 1;
      }
    }
    assert.ok(denied > 100, `${denied} denials were seen`);
  });

  test("403: tokens of others are out of reach for those who may not look after members", async () => {
    for (const role of ["publisher", "support", "viewer"] as const) {
      const token = tokens.get(role) ?? "";
      for (const [method, path, body] of [
        ["GET", "/users/owner/tokens", undefined],
        ["POST", "/users/owner/tokens", { name: "stolen" }],
        ["POST", "/users/nobody/tokens", { name: "probe" }],
      ] as const) {
        assert.equal((await platform.call(method, path, body, { token })).status, 403, `${role} ${method} ${path}`);
      }
      const own = await platform.call("GET", `/users/${role}/tokens`, undefined, { token });
      assert.equal(own.status, 200);
      assert.equal(own.at("items", 0, "name"), "matrix");
    }
  });

  test("422: nobody gives a token a role that they or the user do not hold", async () => {
    const viewer = tokens.get("viewer") ?? "";
    const excess = await platform.call(
      "POST",
      "/users/viewer/tokens",
      { name: "more", roles: ["owner"] },
      { token: viewer },
    );
    assert.equal(excess.status, 422);
    assert.equal(excess.at("errors", 0, "pointer"), "/roles");
  });

  test("a bundle or rollback that changes settings needs the right to change settings", async () => {
    const token = tokens.get("publisher") ?? "";
    const files = [{ path: "portico.yaml", contentBase64: Buffer.from("title: Mine\n").toString("base64") }];
    const refused = await platform.call("POST", "/bundle:apply", { files }, { token });
    assert.deepEqual([refused.status, refused.at("code")], [403, "right.missing"]);
    assert.equal((await platform.call("GET", "/settings")).text, "{}");
    assert.equal((await platform.call("POST", "/bundle:apply", { files })).status, 200);
    const back = await platform.call("POST", "/revisions/0:rollback", {}, { token });
    assert.equal(back.status, 403);
  });

  test("a role that is taken from a user is gone from its tokens at once", async () => {
    await platform.call("POST", "/users", { name: "anna", roles: ["publisher", "viewer"] });
    const token = String((await platform.call("POST", "/users/anna/tokens", { name: "ci" })).at("token"));
    const put = () => platform.call("PUT", "/fragments/f", { steps: [] }, { token });
    assert.equal((await put()).status, 201);
    await platform.call("PATCH", "/users/anna", { roles: ["viewer"] });
    assert.equal((await put()).status, 403);
    await platform.call("PATCH", "/users/anna", { isDisabled: true });
    assert.equal((await put()).status, 401);
  });

  test("a revoked or expired token is refused", async () => {
    const made = await platform.call("POST", "/users/viewer/tokens", { name: "short" });
    const token = String(made.at("token"));
    assert.equal((await platform.call("GET", "/apis", undefined, { token })).status, 200);
    assert.equal((await platform.call("DELETE", `/tokens/${made.at("id")}`)).status, 204);
    assert.equal((await platform.call("GET", "/apis", undefined, { token })).status, 401);
    const soon = new Date(Date.now() + 300).toISOString();
    const brief = await platform.call("POST", "/users/viewer/tokens", { name: "brief", expiresAt: soon });
    await platform.database.db
      .updateTable("access_token")
      .set({ expires_at: new Date(Date.now() - 1) })
      .where("id", "=", String(brief.at("id")))
      .execute();
    assert.equal((await platform.call("GET", "/apis", undefined, { token: String(brief.at("token")) })).status, 401);
  });
});
