import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isApiKey } from "../../model/api-key.ts";
import { importBody, openTestPlatform, type TestPlatform } from "../testing-platform.ts";

let platform: TestPlatform;
let applicationId: string;
before(async () => {
  platform = await openTestPlatform();
  await platform.call("POST", "/apis:import", importBody("orders"));
  await platform.call("PUT", "/products/gold", {
    apis: ["orders"],
    plans: { free: {}, partner: { approval: "manual" } },
  });
  const organization = await platform.call("POST", "/organizations", { name: "acme", title: "Acme" });
  const application = await platform.call("POST", "/applications", {
    name: "robot",
    organizationId: organization.at("id"),
  });
  applicationId = String(application.at("id"));
});
after(() => platform.close());

const subscribe = async (plan = "free"): Promise<string> => {
  const answer = await platform.call("POST", "/subscriptions", { applicationId, product: "gold", plan });
  assert.equal(answer.status, 201, answer.text);
  return String(answer.at("id"));
};

describe("organizations and applications", () => {
  test("409: a name that is taken; 422: an organization that does not exist", async () => {
    assert.equal((await platform.call("POST", "/organizations", { name: "acme" })).status, 409);
    assert.equal((await platform.call("POST", "/applications", { name: "robot", organizationId: "acme" })).status, 409);
    const answer = await platform.call("POST", "/applications", { name: "x", organizationId: "nobody" });
    assert.deepEqual([answer.status, answer.at("errors", 0, "pointer")], [422, "/organizationId"]);
  });
  test("409: what others belong to is not deleted", async () => {
    await subscribe();
    assert.equal((await platform.call("DELETE", "/organizations/acme")).status, 409);
    assert.equal((await platform.call("DELETE", `/applications/${applicationId}`)).status, 409);
  });
  test("404: an id or name that nothing has", async () => {
    for (const path of ["/organizations/none", "/applications/none", "/subscriptions/none", "/keys/none"]) {
      assert.equal((await platform.call("GET", path)).status, 404, path);
    }
  });
  test("200 and 204: by id or by name; the title may change", async () => {
    assert.equal((await platform.call("GET", "/organizations/acme")).at("title"), "Acme");
    assert.equal((await platform.call("GET", "/applications/robot")).at("id"), applicationId);
    assert.equal((await platform.call("PATCH", "/organizations/acme", { title: null })).at("title"), undefined);
    assert.equal((await platform.call("PATCH", "/applications/robot", { title: "Robot" })).at("title"), "Robot");
    assert.equal((await platform.call("GET", "/applications?organization=acme")).at("items", 0, "name"), "robot");
    await platform.call("POST", "/organizations", { name: "brief" });
    assert.equal((await platform.call("DELETE", "/organizations/brief")).status, 204);
  });
});

describe("subscriptions", () => {
  test("422: a product, plan or application that does not exist", async () => {
    for (const [body, pointer] of [
      [{ applicationId, product: "none", plan: "free" }, "/product"],
      [{ applicationId, product: "gold", plan: "none" }, "/plan"],
      [{ applicationId: "none", product: "gold", plan: "free" }, "/applicationId"],
    ] as const) {
      const answer = await platform.call("POST", "/subscriptions", body);
      assert.deepEqual([answer.status, answer.at("errors", 0, "pointer")], [422, pointer]);
    }
  });
  test("409: a state that cannot follow, and what has ended stays so", async () => {
    const id = await subscribe();
    assert.equal((await platform.call("PATCH", `/subscriptions/${id}`, { state: "pending" })).status, 409);
    assert.equal((await platform.call("PATCH", `/subscriptions/${id}`, { state: "ended" })).status, 200);
    const back = await platform.call("PATCH", `/subscriptions/${id}`, { state: "active" });
    assert.deepEqual([back.status, back.at("code")], [409, "state.conflict"]);
    assert.equal((await platform.call("POST", `/subscriptions/${id}/keys`, {})).status, 409);
  });
  test("409: a plan that a subscription uses is not taken away, over the API or by a bundle", async () => {
    await subscribe("partner");
    const removed = await platform.call("DELETE", "/products/gold/plans/partner");
    assert.deepEqual([removed.status, removed.at("code")], [409, "resource.in_use"]);
    assert.equal((await platform.call("DELETE", "/products/gold")).status, 409);
    const replaced = await platform.call("PUT", "/products/gold", { apis: ["orders"], plans: { free: {} } });
    assert.equal(replaced.status, 409);
  });
  test("201: active at once, or pending where the plan asks for approval; then approved, suspended, resumed", async () => {
    const id = await subscribe("partner");
    const states: unknown[] = [(await platform.call("GET", `/subscriptions/${id}`)).at("state")];
    for (const state of ["active", "suspended", "active"]) {
      states.push((await platform.call("PATCH", `/subscriptions/${id}`, { state })).at("state"));
    }
    assert.deepEqual(states, ["pending", "active", "suspended", "active"]);
    const moved = await platform.call("PATCH", `/subscriptions/${id}`, { plan: "free" });
    assert.equal(moved.at("plan"), "free");
    const listed = await platform.call("GET", "/subscriptions?product=gold&state=active&plan=free");
    assert.ok((listed.at("items") as { id: string }[]).some((item) => item.id === id));
  });
});

describe("keys", () => {
  test("409: a slot that holds a key; both slots full", async () => {
    const id = await subscribe();
    assert.equal((await platform.call("POST", `/subscriptions/${id}/keys`, { slot: "primary" })).status, 201);
    assert.equal((await platform.call("POST", `/subscriptions/${id}/keys`, { slot: "primary" })).status, 409);
    assert.equal((await platform.call("POST", `/subscriptions/${id}/keys`, {})).at("slot"), "secondary");
    assert.equal((await platform.call("POST", `/subscriptions/${id}/keys`, {})).status, 409);
  });
  test("409: a revoked key is neither rotated nor prolonged", async () => {
    const id = await subscribe();
    const key = await platform.call("POST", `/subscriptions/${id}/keys`, {});
    assert.equal((await platform.call("DELETE", `/keys/${key.at("id")}`)).status, 204);
    assert.equal((await platform.call("POST", `/keys/${key.at("id")}:rotate`, {})).status, 409);
    assert.equal((await platform.call("PATCH", `/keys/${key.at("id")}`, { expiresAt: null })).status, 409);
    assert.equal(
      (await platform.call("DELETE", `/keys/${key.at("id")}`)).status,
      204,
      "revoking again changes nothing",
    );
  });
  test("422: a grace that is no duration, an expiry that is no time", async () => {
    const id = await subscribe();
    const key = await platform.call("POST", `/subscriptions/${id}/keys`, {});
    assert.equal((await platform.call("POST", `/keys/${key.at("id")}:rotate`, { grace: "soon" })).status, 422);
    assert.equal((await platform.call("PATCH", `/keys/${key.at("id")}`, { expiresAt: "tomorrow" })).status, 422);
  });
  test("201: a key has the form with a checksum, is shown once, and listed by its first characters only", async () => {
    const id = await subscribe();
    const issued = await platform.call("POST", `/subscriptions/${id}/keys`, { slot: "secondary" });
    const key = String(issued.at("key"));
    assert.ok(isApiKey(key));
    const listed = await platform.call("GET", `/subscriptions/${id}/keys`);
    assert.equal(listed.at("items", 0, "prefix"), key.slice(0, 12));
    assert.ok(!listed.text.includes(key));
  });
  test("201: rotation puts a new key into the same slot; the old one ends when its grace does, the other slot is left alone", async () => {
    const id = await subscribe();
    const old = await platform.call("POST", `/subscriptions/${id}/keys`, { slot: "primary" });
    const neighbour = await platform.call("POST", `/subscriptions/${id}/keys`, { slot: "secondary" });
    const rotated = await platform.call("POST", `/keys/${old.at("id")}:rotate`, { grace: "1h" });
    assert.equal(rotated.status, 201, rotated.text);
    assert.equal(rotated.at("slot"), "primary");
    assert.equal(rotated.at("replaces", "replacedBy"), rotated.at("id"));
    assert.notEqual(rotated.at("key"), old.at("key"));
    const endsInMs = Date.parse(String(rotated.at("replaces", "expiresAt"))) - Date.now();
    assert.ok(endsInMs > 3_590_000 && endsInMs <= 3_600_000, String(endsInMs));
    const again = await platform.call("POST", `/keys/${rotated.at("id")}:rotate`, { grace: "0" });
    assert.equal(again.at("slot"), "primary");
    assert.equal(again.at("replaces", "state"), "revoked");
    const keys = (await platform.call("GET", `/subscriptions/${id}/keys`)).at("items") as { id: string }[];
    assert.deepEqual(
      keys.map((key) => key.id),
      [old.at("id"), neighbour.at("id"), again.at("id")],
    );
  });
  test("409: a key that was replaced already names the one to rotate", async () => {
    const id = await subscribe();
    const old = await platform.call("POST", `/subscriptions/${id}/keys`, {});
    const rotated = await platform.call("POST", `/keys/${old.at("id")}:rotate`, {});
    const again = await platform.call("POST", `/keys/${old.at("id")}:rotate`, {});
    assert.deepEqual([again.status, again.at("code")], [409, "state.conflict"]);
    assert.match(again.text, new RegExp(String(rotated.at("id"))));
  });
  test("200: a grace may be ended at once or taken back", async () => {
    const id = await subscribe();
    const old = await platform.call("POST", `/subscriptions/${id}/keys`, {});
    await platform.call("POST", `/keys/${old.at("id")}:rotate`, { grace: "24h" });
    const back = await platform.call("PATCH", `/keys/${old.at("id")}`, { expiresAt: null });
    assert.deepEqual(
      [back.at("expiresAt"), back.at("replacedBy"), back.at("slot")],
      [undefined, undefined, "secondary"],
      "its slot holds the new key, so it takes the other one",
    );
    const third = await platform.call("POST", `/keys/${old.at("id")}:rotate`, {});
    assert.equal((await platform.call("PATCH", `/keys/${old.at("id")}`, { expiresAt: null })).status, 409);
    await platform.call("DELETE", `/keys/${third.at("id")}`);
    const past = new Date(Date.now() - 1000).toISOString();
    assert.equal((await platform.call("PATCH", `/keys/${old.at("id")}`, { expiresAt: past })).at("state"), "expired");
  });
  test("ending a subscription revokes its keys, and usage tells when they were last used", async () => {
    const id = await subscribe();
    const key = await platform.call("POST", `/subscriptions/${id}/keys`, {});
    const minuteMs = Math.floor(Date.now() / 60_000) * 60_000;
    const row = {
      minuteMs,
      api: "orders",
      operation: "x",
      subscription: id,
      status: 200,
      calls: 1,
      requestBytes: 0,
      responseBytes: 0,
      durationMsSum: 1,
      durationMsMax: 1,
    };
    await platform.gateway("/usage", { id: `last-used-${id}`, instance: "g", rows: [row] });
    const used = await platform.call("GET", `/keys/${key.at("id")}`);
    assert.equal(used.at("lastUsedAt"), new Date(minuteMs).toISOString());
    await platform.call("PATCH", `/subscriptions/${id}`, { state: "ended" });
    assert.equal((await platform.call("GET", `/keys/${key.at("id")}`)).at("state"), "revoked");
  });
});
