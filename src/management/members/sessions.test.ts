import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openTestPlatform, type TestPlatform } from "../testing-platform.ts";

describe("signing in to the studio", () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await openTestPlatform();
  });
  after(() => platform.close());

  const exchange = (token: unknown) => platform.call("POST", "/sessions", { token }, { token: "" });
  const cookieOf = (answer: { headers: Headers }): string =>
    (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const signIn = async (body: object = {}): Promise<string> =>
    cookieOf(await exchange((await platform.call("POST", "/sign-in-links", body)).at("token")));
  const withCookie = (method: string, path: string, cookie: string, headers: object = {}, body?: unknown) =>
    platform.call(method, path, body, { token: "", headers: { cookie, ...headers } });

  test("401: a link that nobody made, one that was used, one that is too old", async () => {
    assert.equal((await exchange("ptl_nobody")).status, 401);
    const { token } = (await platform.call("POST", "/sign-in-links", {})).json as { token: string };
    assert.equal((await exchange(token)).status, 201);
    const again = await exchange(token);
    assert.deepEqual([again.status, again.at("code")], [401, "credential.invalid"]);
    const old = (await platform.call("POST", "/sign-in-links", {})).at("token");
    await platform.database.db
      .updateTable("sign_in_link")
      .set({ expires_at: new Date(Date.now() - 1) })
      .execute();
    assert.equal((await exchange(old)).status, 401);
  });

  test("of twenty who use one link at the same time one gets in", async () => {
    const { token } = (await platform.call("POST", "/sign-in-links", {})).json as { token: string };
    const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(token)));
    assert.equal(answers.filter((answer) => answer.status === 201).length, 1);
  });

  test("403: a write with the cookie alone, or from a page of another origin", async () => {
    const cookie = await signIn();
    const body = { steps: [] };
    const bare = await withCookie("PUT", "/fragments/a", cookie, {}, body);
    assert.deepEqual([bare.status, bare.at("code")], [403, "origin.refused"]);
    const foreign = { "x-portico-request": "1", origin: "http://evil.test" };
    assert.equal((await withCookie("PUT", "/fragments/a", cookie, foreign, body)).status, 403);
    assert.equal((await withCookie("PUT", "/fragments/a", cookie, { ...foreign, origin: "null" }, body)).status, 403);
    const own = { "x-portico-request": "1", origin: "http://control.test" };
    assert.equal((await withCookie("PUT", "/fragments/a", cookie, own, body)).status, 201);
  });

  test("201: the cookie is HttpOnly and SameSite=Strict, and Secure behind TLS; the audit names who signed in", async () => {
    const { token } = (await platform.call("POST", "/sign-in-links", {})).json as { token: string };
    const answer = await platform.call(
      "POST",
      "/sessions",
      { token },
      { token: "", headers: { "x-forwarded-proto": "https" } },
    );
    const cookie = answer.headers.get("set-cookie") ?? "";
    for (const attribute of ["HttpOnly", "SameSite=Strict", "Path=/", "Secure"])
      assert.ok(cookie.includes(attribute), cookie);
    assert.deepEqual(answer.at("roles"), ["owner"]);
    const audit = (await platform.call("GET", "/audit?limit=1")).at("items", 0) as { operation: string; actor: string };
    assert.deepEqual([audit.operation, audit.actor], ["postSession", "owner (studio)"]);
  });

  test("201: the owner token itself signs in too", async () => {
    const answer = await exchange(platform.ownerToken);
    assert.equal(answer.status, 201);
    const who = await withCookie("GET", "/sessions/current", cookieOf(answer));
    assert.deepEqual([who.at("name"), who.at("by")], ["owner (studio)", "session"]);
  });

  test("a session of a user has the user's roles, and follows them", async () => {
    await platform.call("POST", "/users", { name: "vera", roles: ["viewer"] });
    const cookie = await signIn({ user: "vera" });
    assert.deepEqual((await withCookie("GET", "/sessions/current", cookie)).at("roles"), ["viewer"]);
    const write = await withCookie("PUT", "/fragments/b", cookie, { "x-portico-request": "1" }, { steps: [] });
    assert.deepEqual([write.status, write.at("code")], [403, "right.missing"]);
    await platform.call("DELETE", "/users/vera");
    assert.equal((await withCookie("GET", "/sessions/current", cookie)).status, 401);
    assert.equal((await platform.call("POST", "/sign-in-links", { user: "vera" })).status, 404);
  });

  test("204: signing out ends the session for good", async () => {
    const cookie = await signIn();
    const out = await withCookie("DELETE", "/sessions/current", cookie, { "x-portico-request": "1" });
    assert.equal(out.status, 204);
    assert.match(out.headers.get("set-cookie") ?? "", /Max-Age=0/);
    assert.equal((await withCookie("GET", "/apis", cookie)).status, 401);
  });
});
