import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contentHash } from "../base/canonical-json.ts";
import type { Resource } from "../model/resource.ts";
import type { ApiUnit } from "../model/snapshot.ts";
import { readBundle } from "./read-bundle.ts";
import { apiFiles, bundleOf, fixture } from "./testing-bundles.ts";
import { makeUnits, snapshotOf, type UnitTools, unitCache } from "./units.ts";

const secrets: UnitTools = { secretOf: (name) => (name === "warehouse-secret" ? "s3cret" : undefined) };

const unitsOf = (files: Readonly<Record<string, string>>, tools: UnitTools = { secretOf: () => undefined }) => {
  const { resources, documents } = readBundle(bundleOf(files));
  return makeUnits(resources, documents, tools);
};
const only = (units: readonly ApiUnit[]): ApiUnit => {
  const [unit, ...others] = units;
  assert.ok(unit !== undefined && others.length === 0);
  return unit;
};

describe("the units of a complete bundle", async () => {
  const { resources, documents } = readBundle(await fixture("complete"));
  const { units, errors } = makeUnits(resources, documents, secrets);
  const [orders, stock] = units;

  test("there is one for each API, in order of name, and nothing went wrong", () => {
    assert.deepEqual(errors, []);
    assert.deepEqual(
      units.map((unit) => unit.api),
      ["orders", "stock"],
    );
  });

  test("operations carry protection and backend; hidden ones are not served", () => {
    assert.deepEqual(
      orders?.operations.map(({ id, method, path, protect, backend }) => ({ id, method, path, protect, backend })),
      [
        { id: "listOrders", method: "GET", path: "/orders", protect: ["key", "jwt"], backend: "warehouse" },
        { id: "health", method: "GET", path: "/health", protect: [], backend: "mock" },
      ],
    );
  });

  test("mock answers travel only with what may answer from them", () => {
    assert.equal(orders?.operations.find(({ id }) => id === "listOrders")?.mocks, undefined);
    assert.deepEqual(orders?.operations.find(({ id }) => id === "health")?.mocks?.[0]?.status, 200);
  });

  test("backends hold those of operations and of policies, and no others", () => {
    assert.deepEqual(Object.keys(orders?.backends ?? {}), ["archive", "mock", "warehouse"]);
    assert.deepEqual(stock?.backends, {
      "https://stock.example/api": { kind: "http", url: "https://stock.example/api" },
    });
  });

  test("key names come from the document's schemes", () => {
    assert.deepEqual([orders?.keyHeaders, orders?.keyQueryParameters], [["x-order-key"], ["order_key"]]);
  });

  test("policies of every scope come with their file and their place in it", () => {
    const places = Object.entries({
      platform: orders?.policies.platform,
      product: orders?.policies.products.starter,
      api: orders?.policies.api,
      operation: orders?.policies.operations.listOrders,
    });
    assert.deepEqual(
      places.map(([scope, policy]) => [scope, policy?.file, policy?.at]),
      [
        ["platform", "portico.yaml", "policies.platform"],
        ["product", "products/starter.yaml", "policy"],
        ["api", "apis/orders/policy.yaml", undefined],
        ["operation", "apis/orders/policy.yaml", "operations.listOrders"],
      ],
    );
    assert.deepEqual(Object.keys(orders?.policies.api?.document ?? {}), ["inbound"]);
    assert.deepEqual(stock?.policies.products, {});
  });

  test("named values are those in use, through fragments and backends, secrets marked", () => {
    assert.deepEqual(orders?.namedValues, {
      sender: { value: "shop-gateway", secret: false },
      "warehouse-secret": { value: "s3cret", secret: true },
    });
    assert.deepEqual(stock?.namedValues, {});
  });

  test("plans, fragments, jwt, labels and versions are taken over", () => {
    assert.deepEqual(orders?.products, { starter: { free: { "rate-limit": { calls: 60, window: "60s" } } } });
    assert.deepEqual(Object.keys(orders?.fragments ?? {}), ["common"]);
    assert.deepEqual(orders?.jwt, { "jwks-url": "https://id.example/keys", audiences: ["orders"] });
    assert.deepEqual([orders?.gateways, stock?.gateways, stock?.title], [[], ["internal"], "Stock"]);
  });

  test("the hash is that of all other fields, and the snapshot's that of the units' hashes", () => {
    for (const { hash, ...content } of units) assert.equal(hash, contentHash(content));
    assert.notEqual(snapshotOf(1, units).hash, snapshotOf(1, units.slice(1)).hash);
    assert.equal(snapshotOf(1, units).hash, snapshotOf(2, units).hash);
  });
});

describe("an API that cannot be made", () => {
  test("has an error with file and path, and harms no other", async () => {
    const { resources, documents } = readBundle(await fixture("complete"));
    const { units, errors } = makeUnits(resources, documents, { secretOf: () => undefined });
    assert.deepEqual(
      units.map((unit) => unit.api),
      ["stock"],
    );
    assert.deepEqual(
      errors.map(({ api, findings }) => [api, findings]),
      [
        [
          "orders",
          [
            {
              file: "backends/warehouse.yaml",
              path: "credentials.headers.x-secret",
              message: "The secret named value 'warehouse-secret' has no value yet.",
            },
          ],
        ],
      ],
    );
  });

  test("names all that is missing at once", () => {
    const api: Resource = { kind: "api", name: "a", body: { path: "/a", protect: "jwt", backend: "gone" } };
    const policy: Resource = {
      kind: "api-policy",
      name: "a",
      body: { inbound: [{ "include-fragment": "lost" }, { "set-header": { name: "x", value: "{{missing}}" } }] },
    };
    const [error] = makeUnits([api, policy], new Map(), { secretOf: () => undefined }).errors;
    assert.deepEqual(
      error?.findings.map(({ file, path, message }) => `${file} ${path} ${message}`),
      [
        "apis/a/policy.yaml inbound[0].include-fragment The fragment 'lost' does not exist.",
        "apis/a/api.yaml backend The backend 'gone' does not exist.",
        "apis/a/policy.yaml inbound[1].set-header.value The named value 'missing' does not exist.",
      ],
    );
  });

  test("a document that is damaged, or absent, is that API's error alone", () => {
    const make = (name: string, hash: string): Resource => ({
      kind: "api",
      name,
      body: { path: `/${name}`, protect: "none" },
      document: { fileName: "openapi.yaml", hash },
    });
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const documents = new Map([
      ["broken", bytes("openapi: [")],
      ["other", bytes("just: text")],
    ]);
    const { errors } = makeUnits([make("a", "broken"), make("b", "other"), make("c", "absent")], documents, {
      secretOf: () => undefined,
    });
    assert.deepEqual(
      errors.map(({ api, findings }) => [api, findings[0]?.file]),
      [
        ["a", "apis/a/openapi.yaml"],
        ["b", "apis/b/openapi.yaml"],
        ["c", "apis/c/api.yaml"],
      ],
    );
  });
});

describe("backends", () => {
  const backendOf = (api: string): readonly string[] =>
    only(unitsOf(apiFiles("a", `path: /a\nprotect: none\n${api}`, "one")).units).operations.map(
      ({ backend }) => backend,
    );

  test("without one, and without a server in the document, the API answers from its examples", () => {
    const unit = only(unitsOf(apiFiles("a", "path: /a\nprotect: none\n", "one")).units);
    assert.deepEqual(
      unit.operations.map(({ backend }) => backend),
      ["mock"],
    );
    assert.deepEqual(unit.operations[0]?.mocks, [{ status: 200 }]);
  });

  test("a URL is a backend of its own", () => {
    assert.deepEqual(backendOf("backend: http://127.0.0.1:9\n"), ["http://127.0.0.1:9"]);
  });

  test("an expression for a backend takes all of them along", () => {
    const unit = only(
      unitsOf({
        ...apiFiles("a", "path: /a\nprotect: none\nbackend: mock\n", "one"),
        "apis/a/policy.yaml": "inbound: [base, { set-backend-service: { backend-id: '=vars.x' } }]\n",
        "backends/b.yaml": "kind: http\nurl: https://b.example\n",
        "backends/c.yaml": "kind: http\nurl: https://c.example\n",
      }).units,
    );
    assert.deepEqual(Object.keys(unit.backends), ["b", "c", "mock"]);
  });
});

test("a named value from the environment is read from the environment that is given", () => {
  const files = {
    ...apiFiles("a", "path: /a\nprotect: none\n", "one"),
    "apis/a/policy.yaml": "inbound: [base, { set-header: { name: x, value: '{{region}}' } }]\n",
    "named-values/region.yaml": "env: REGION\n",
  };
  assert.deepEqual(
    only(unitsOf(files, { secretOf: () => undefined, environment: { REGION: "eu" } }).units).namedValues,
    { region: { value: "eu", secret: false } },
  );
  assert.match(unitsOf(files).errors[0]?.message ?? "", /environment variable REGION, which is not set/);
});

test("a policy that answers from examples brings the mocks of every operation", () => {
  const unit = only(
    unitsOf({
      ...apiFiles("a", "path: /a\nprotect: none\nbackend: https://a.example\n", "one", "two"),
      "apis/a/policy.yaml": "inbound: [base]\noperations: { one: { inbound: [{ mock-response: {} }] } }\n",
    }).units,
  );
  assert.ok(unit.operations.every((operation) => operation.mocks !== undefined));
});

test("operations called like members of every object have no settings but their own", () => {
  const unit = only(
    unitsOf(
      apiFiles(
        "a",
        "path: /a\nprotect: none\noperations: { one: { hidden: true } }\n",
        "one",
        "constructor",
        "toString",
      ),
    ).units,
  );
  assert.deepEqual(
    unit.operations.map(({ id, protect }) => [id, protect]),
    [
      ["constructor", []],
      ["toString", []],
    ],
  );
});

describe("the cache", () => {
  const files = {
    ...apiFiles("a", "path: /a\nprotect: none\n", "one"),
    ...apiFiles("b", "path: /b\nprotect: none\n", "one"),
  };

  test("gives the same unit while nothing that it is made of changed, without its document", () => {
    const { resources, documents } = readBundle(bundleOf(files));
    const tools: UnitTools = { secretOf: () => undefined, cache: unitCache() };
    const first = makeUnits(resources, documents, tools).units;
    const second = makeUnits(structuredClone(resources), new Map(), tools);
    assert.deepEqual(second.errors, []);
    second.units.forEach((unit, index) => {
      assert.equal(unit, first[index]);
    });
  });

  test("a change of one API makes one unit anew, from the facts of its document that are known", () => {
    const { resources, documents } = readBundle(bundleOf(files));
    const tools: UnitTools = { secretOf: () => undefined, cache: unitCache() };
    const [a, b] = makeUnits(resources, documents, tools).units;
    const changed = resources.map(
      (resource): Resource =>
        resource.kind === "api" && resource.name === "b"
          ? { ...resource, body: { ...resource.body, title: "New" } }
          : resource,
    );
    const [a2, b2] = makeUnits(changed, new Map(), tools).units;
    assert.equal(a2, a);
    assert.equal(b2?.title, "New");
    assert.notEqual(b2?.hash, b?.hash);
  });

  test("a changed secret changes the unit", () => {
    const withSecret = {
      ...files,
      "named-values/s.yaml": "secret: true\n",
      "apis/a/policy.yaml": "inbound: [base, { set-header: { name: x, value: '{{s}}' } }]\n",
    };
    const { resources, documents } = readBundle(bundleOf(withSecret));
    const cache = unitCache();
    const hashes = ["one", "two", "one"].map(
      (secret) => makeUnits(resources, documents, { secretOf: () => secret, cache }).units[0]?.hash,
    );
    assert.equal(hashes[0], hashes[2]);
    assert.notEqual(hashes[0], hashes[1]);
  });
});

test("the operations' contract travels only with policies that work from it, and only for where they stand", () => {
  const document = JSON.stringify({
    openapi: "3.1.0",
    info: { title: "t", version: "1" },
    paths: Object.fromEntries(
      ["a", "b"].map((id) => [`/${id}`, { get: { operationId: id, responses: { 200: { description: "ok" } } } }]),
    ),
  });
  const contractWith = (policy: string) => {
    const { units, errors } = unitsOf({
      "apis/x/openapi.json": document,
      "apis/x/api.yaml": "path: /x\nbackend: mock\nprotect: none\n",
      "apis/x/policy.yaml": policy,
    });
    assert.deepEqual(errors, []);
    return Object.keys(only(units).contract?.operations ?? {});
  };
  assert.deepEqual(contractWith("inbound:\n  - base\n"), []);
  assert.deepEqual(contractWith("operations:\n  b:\n    inbound:\n      - validate-parameters: {}\n"), ["b"]);
  assert.deepEqual(
    contractWith("inbound:\n  - choose:\n      when: []\n      otherwise:\n        - validate-content: {}\n"),
    ["a", "b"],
  );
});
