import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isApiKey } from "../../model/api-key.ts";
import { importBody, openTestPlatform, type TestPlatform } from "../testing-platform.ts";

let platform: TestPlatform;
before(async () => {
  platform = await openTestPlatform();
  for (const name of ["alone", "held", "shared", "open"]) await platform.call("POST", "/apis:import", importBody(name));
  await platform.call("PATCH", "/apis/open", { protect: "none" });
  await platform.call("PUT", "/products/gold", {
    apis: ["held", "shared"],
    plans: { free: {}, partner: { approval: "manual" } },
  });
  await platform.call("PUT", "/products/silver", { apis: ["shared"], plans: { small: {}, large: {} } });
});
after(() => platform.close());

const issue = (body: object, query = "") => platform.call("POST", `/keys${query}`, body);
const counts = async (): Promise<readonly number[]> => {
  const lists = ["/products", "/organizations", "/applications", "/subscriptions", "/keys"];
  return Promise.all(
    lists.map(async (path) => ((await platform.call("GET", path)).at("items") as readonly unknown[]).length),
  );
};

describe("issuing a key for an API or a product", () => {
  test("403: support may issue keys, but not make the product that an API lacks", async () => {
    const user = await platform.call("POST", "/users", { name: "sue", roles: ["support"] });
    const token = await platform.call("POST", `/users/${user.at("id")}/tokens`, { name: "t" });
    const as = { token: String(token.at("token")) };
    assert.equal((await platform.call("POST", "/keys", { api: "alone" }, as)).status, 403);
    const held = await platform.call("POST", "/keys", { api: "held", application: "support" }, as);
    assert.equal(held.status, 201, held.text);
  });

  test("422: what does not exist, takes no keys, or is not decided, is told with what to name", async () => {
    const before = await counts();
    for (const [body, pointer, words] of [
      [{}, "/api", /which/],
      [{ api: "none" }, "/api", /no API 'none'/],
      [{ api: "open" }, "/api", /takes no keys/],
      [{ product: "none" }, "/product", /there are .*gold, silver/],
      [{ api: "held", product: "silver" }, "/product", /these do: gold/],
      [{ api: "shared" }, "/product", /gold, silver/],
      [{ product: "silver" }, "/plan", /small, large: name one/],
      [{ product: "gold", plan: "none" }, "/plan", /it has free, partner/],
    ] as const) {
      const answer = await issue(body);
      assert.deepEqual([answer.status, answer.at("errors", 0, "pointer")], [422, pointer], JSON.stringify(body));
      assert.match(answer.text, words);
    }
    assert.deepEqual(await counts(), before);
  });

  test("409: both slots of the application's subscription hold a key", async () => {
    const body = { product: "gold", application: "full" };
    assert.deepEqual([(await issue(body)).at("slot"), (await issue(body)).at("slot")], ["primary", "secondary"]);
    assert.equal((await issue(body)).status, 409);
  });

  test("201: for an API that no product holds, everything is made in one revision, with a limit", async () => {
    const before = await platform.call("GET", "/revisions?limit=1");
    const answer = await issue({ api: "alone", application: "first" });
    assert.equal(answer.status, 201, answer.text);
    assert.ok(isApiKey(String(answer.at("key"))));
    assert.equal(answer.at("subscription", "state"), "active");
    const made = answer.at("created") as readonly string[];
    assert.deepEqual(
      made.map((one) => one.split("/")[0]),
      ["product", "application", "subscription"],
    );
    assert.equal(Number(answer.headers.get("portico-revision")), Number(before.at("items", 0, "revision")) + 1);
    const product = await platform.call("GET", "/products/alone");
    assert.deepEqual(product.at("plans", "default", "rate-limit"), { calls: 60, window: "60s" });
    assert.deepEqual((await issue({ api: "alone", application: "first" })).at("created"), []);
  });

  test("201: of several plans the only one that needs no approval is taken; a manual one makes a pending subscription", async () => {
    assert.equal((await issue({ api: "held", application: "a" })).at("subscription", "plan"), "free");
    const pending = await issue({ product: "gold", plan: "partner", application: "b" });
    assert.equal(pending.at("subscription", "state"), "pending");
  });

  test("a dry run makes nothing", async () => {
    const before = await counts();
    const answer = await issue({ api: "held", organization: "new", application: "new" }, "?dryRun=true");
    assert.equal(answer.status, 201);
    assert.equal((answer.at("created") as readonly string[])[0], "organization/new");
    assert.deepEqual(await counts(), before);
  });
});
