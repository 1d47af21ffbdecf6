import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { importBody, openTestPlatform, type TestPlatform } from "../testing-platform.ts";
import { effectivePolicy, planSteps, type WrittenPolicy } from "./effective-policy.ts";

const header = (value: string) => ({ "set-header": { name: "x-scope", value } });

describe("policies at five scopes", () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await openTestPlatform();
    await platform.call("POST", "/apis:import", importBody("orders", {}, ["listOrders", "getOrder"]));
    await platform.call("PUT", "/products/gold", { apis: ["orders"], plans: { free: {} } });
  });
  after(() => platform.close());

  const scopes = [
    ["platform", "/policies/platform"],
    ["workspace", "/policies/workspace"],
    ["product", "/policies/products/gold"],
    ["api", "/policies/apis/orders"],
    ["operation", "/policies/apis/orders/operations/listOrders"],
  ] as const;

  test("404: a product, API or operation that does not exist", async () => {
    for (const path of ["/policies/products/none", "/policies/apis/none", "/policies/apis/orders/operations/none"]) {
      for (const [method, body] of [
        ["GET", undefined],
        ["PUT", {}],
        ["DELETE", undefined],
      ] as const) {
        assert.equal((await platform.call(method, path, body)).status, 404, `${method} ${path}`);
      }
    }
    assert.equal((await platform.call("GET", "/policies/apis/orders/operations/none/effective")).status, 404);
    for (const query of ["product=none", "product=gold&plan=none", "plan=free"]) {
      const path = `/policies/apis/orders/operations/listOrders/effective?${query}`;
      assert.equal((await platform.call("GET", path)).status, 404, query);
    }
  });

  test("422: an unknown section, a step with two names, a policy that does not exist, at every scope with its file and path", async () => {
    for (const [scope, path] of scopes) {
      assert.equal((await platform.call("PUT", path, { inbuond: [] })).at("errors", 0, "pointer"), "/inbuond");
      assert.equal((await platform.call("PUT", path, { inbound: [{ a: 1, b: 2 }] })).status, 422);
      const answer = await platform.call("PUT", path, { inbound: ["base", { "set-headr": {} }] });
      assert.deepEqual([answer.status, answer.at("code")], [422, "configuration.invalid"], scope);
      assert.match(String(answer.at("errors", 0, "path")), /inbound\[1\]\.set-headr$/, scope);
      assert.deepEqual((await platform.call("GET", path)).json, {}, scope);
    }
  });

  test("200 and 204: each scope is written, read back as it was, listed with its place, and removed", async () => {
    for (const [scope, path] of scopes) {
      const document = { outbound: ["base", header(scope)] };
      const written = await platform.call("PUT", path, document);
      assert.deepEqual([written.status, written.json], [200, document], written.text);
      assert.deepEqual((await platform.call("GET", path)).json, document);
    }
    const listed = (await platform.call("GET", "/policies")).at("items") as {
      scope: string;
      file: string;
      path: string;
    }[];
    assert.deepEqual(
      listed.map(({ scope, file, path }) => `${scope} ${file} ${path}`),
      [
        "platform portico.yaml policies.platform",
        "workspace portico.yaml policies.workspace",
        "product products/gold.yaml policy",
        "api apis/orders/policy.yaml ",
        "operation apis/orders/policy.yaml operations.listOrders",
      ],
    );
    const effective = await platform.call("GET", "/policies/apis/orders/operations/listOrders/effective?product=gold");
    assert.deepEqual(
      (effective.at("outbound") as { scope: string }[]).map(({ scope }) => scope),
      ["platform", "workspace", "product", "api", "operation"],
    );
    const withoutProduct = await platform.call("GET", "/policies/apis/orders/operations/getOrder/effective");
    assert.deepEqual(
      (withoutProduct.at("outbound") as { scope: string }[]).map(({ scope }) => scope),
      ["platform", "workspace", "api"],
    );
    for (const [, path] of [...scopes].reverse()) {
      assert.equal((await platform.call("DELETE", path)).status, 204);
      assert.deepEqual((await platform.call("GET", path)).json, {});
      assert.equal((await platform.call("DELETE", path)).status, 204);
    }
    assert.deepEqual((await platform.call("GET", "/policies")).at("items"), []);
    assert.deepEqual((await platform.call("GET", "/products/gold")).at("plans"), { free: {} });
  });

  test("200: what runs by itself is shown as well: the protection, the limits of a plan, forwarding", async () => {
    const plan = { "rate-limit": { calls: 5, window: "1s" } };
    await platform.call("PUT", "/products/gold", { apis: ["orders"], plans: { free: {}, paid: plan } });
    const path = "/policies/apis/orders/operations/listOrders/effective";
    const answer = await platform.call("GET", `${path}?product=gold&plan=paid`);
    assert.deepEqual(answer.at("protect"), ["key"]);
    const steps = (section: string) =>
      (answer.at(section) as { policy: string; scope: string; path: string }[]).map(
        (step) => `${step.scope} ${step.policy} ${step.path}`,
      );
    assert.deepEqual(steps("inbound"), ["plan rate-limit plans.paid.rate-limit"]);
    assert.deepEqual(steps("backend"), ["built-in forward-request "]);
    await platform.call("PATCH", "/apis/orders", { operations: { listOrders: { protect: "none" } } });
    assert.deepEqual((await platform.call("GET", path)).at("protect"), []);
    await platform.call("PATCH", "/apis/orders", { operations: null });
  });

  test("replacing an API's policy leaves those of its operations, and the other way round", async () => {
    const [api, operation] = ["/policies/apis/orders", "/policies/apis/orders/operations/getOrder"];
    await platform.call("PUT", operation, { inbound: [header("operation")] });
    await platform.call("PUT", api, { inbound: [header("api")] });
    assert.deepEqual((await platform.call("GET", operation)).json, { inbound: [header("operation")] });
    await platform.call("DELETE", operation);
    assert.deepEqual((await platform.call("GET", api)).json, { inbound: [header("api")] });
  });

  test("409: a fragment in use is not deleted", async () => {
    await platform.call("PUT", "/fragments/common", { steps: [header("fragment")] });
    const used = await platform.call("PUT", "/policies/workspace", { inbound: [{ "include-fragment": "common" }] });
    assert.equal(used.status, 200, used.text);
    const answer = await platform.call("DELETE", "/fragments/common");
    assert.deepEqual([answer.status, answer.at("code")], [409, "resource.in_use"]);
  });
});

test("a plan's limits are steps in the order in which they run", () => {
  const quota = { calls: 9, "renewal-period": "1d" };
  const steps = planSteps("gold", "paid", { quota, "rate-limit": { calls: 5, window: "1s" } });
  assert.deepEqual(
    steps.map(({ policy, file, path }) => [policy, file, path]),
    [
      ["rate-limit", "products/gold.yaml", "plans.paid.rate-limit"],
      ["quota", "products/gold.yaml", "plans.paid.quota"],
    ],
  );
});

test("a section that is absent changes nothing, one without base replaces, one with base twice runs it twice", () => {
  const at = (scope: "platform" | "workspace", document: WrittenPolicy["document"]): WrittenPolicy => ({
    at: { scope },
    document,
    file: "portico.yaml",
    path: `policies.${scope}`,
  });
  const run = (...scopes: WrittenPolicy[]) =>
    effectivePolicy(scopes).inbound.map((step) => Reflect.get(Object(step.config), "value"));
  const value = (text: string) => ({ "set-header": { value: text } });
  assert.deepEqual(run(at("platform", { inbound: [value("a")] }), at("workspace", undefined)), ["a"]);
  assert.deepEqual(run(at("platform", { inbound: [value("a")] }), at("workspace", { inbound: [value("b")] })), ["b"]);
  assert.deepEqual(run(at("platform", { inbound: [value("a")] }), at("workspace", { inbound: [] })), []);
  assert.deepEqual(
    run(at("platform", { inbound: [value("a")] }), at("workspace", { inbound: ["base", value("b"), "base"] })),
    ["a", "b", "a"],
  );
});
