import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { currentRevision } from "../../store/repositories/revisions.ts";
import { openTestPlatform, type TestPlatform, testDocument } from "../testing-platform.ts";

interface SentFile {
  readonly path: string;
  readonly contentBase64: string;
}

const file = (path: string, text: string): SentFile => ({ path, contentBase64: Buffer.from(text).toString("base64") });

const shop: readonly SentFile[] = [
  file("portico.yaml", "# The shop.\nworkspace: shop\n"),
  file("apis/orders/api.yaml", "path: /orders # where it is\nbackend: stock\n"),
  file("apis/orders/openapi.json", testDocument("Orders", ["listOrders", "getOrder"])),
  file("apis/orders/policy.yaml", "inbound:\n  - rate-limit: { calls: 10, window: 60s }\n"),
  file("backends/stock.yaml", "kind: http\nurl: http://127.0.0.1:9\n"),
  file("products/gold.yaml", "apis: [orders]\nplans:\n  free: {}\n"),
];

const without = (path: string, files = shop): SentFile[] => files.filter((one) => !one.path.startsWith(path));
const replaced = (path: string, text: string, files = shop): SentFile[] => [...without(path, files), file(path, text)];

describe("a bundle", () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await openTestPlatform();
  });
  after(() => platform.close());

  const revision = () => currentRevision(platform.database.db);
  const apply = (files: readonly SentFile[], more: object = {}) =>
    platform.call("POST", "/bundle:apply", { files, ...more });
  const pulled = async (): Promise<SentFile[]> => (await platform.call("GET", "/bundle")).at("files") as SentFile[];
  const byPath = (files: readonly SentFile[]) => [...files].sort((a, b) => (a.path < b.path ? -1 : 1));

  test("apply, pull, apply: byte for byte the same, and no second revision", async () => {
    const planned = await platform.call("POST", "/bundle:plan", { files: shop });
    assert.equal((planned.at("changes") as unknown[]).length, 5);
    assert.equal(await revision(), 0);
    const applied = await apply(shop, { message: "The first." });
    assert.equal(applied.status, 200, applied.text);
    assert.deepEqual(applied.at("changes"), planned.at("changes"));
    assert.equal(applied.at("revision"), 1);
    assert.equal((await platform.call("GET", "/revisions/1")).at("message"), "The first.");
    assert.deepEqual(await pulled(), byPath(shop));
    const again = await apply(await pulled());
    assert.deepEqual(again.at("changes"), []);
    assert.equal(again.at("revision"), undefined);
    assert.equal(await revision(), 1);
  });

  test("one file is read as it was applied; what is no file of the configuration is 404", async () => {
    const read = (path: string) => platform.call("GET", `/bundle/file?path=${encodeURIComponent(path)}`);
    const answer = await read("apis/orders/api.yaml");
    assert.deepEqual([answer.status, answer.text], [200, "path: /orders # where it is\nbackend: stock\n"]);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/yaml/);
    for (const path of ["apis/none/api.yaml", "apis/orders/openapi.json", "../portico.yaml", "README.md"]) {
      assert.equal((await read(path)).status, 404, path);
    }
  });

  test("mistakes in five files are told at once, each with file, line and path, and nothing changes", async () => {
    const before = await revision();
    let bad = replaced("apis/orders/api.yaml", "path: orders/\nbackend: stok\nprotect: keys\n");
    bad = replaced(
      "apis/orders/policy.yaml",
      "inbound:\n  - base\n  - rate-limit: { calls: -1, window: 60s }\n  - set-headr: { name: x }\n",
      bad,
    );
    bad = replaced("backends/stock.yaml", "kind: http\nurl: http://127.0.0.1:9\ntimeout: soon\n", bad);
    bad = replaced("products/gold.yaml", "apis: [orders]\nplans:\n  free:\n    aproval: manual\n", bad);
    const answer = await apply(bad);
    assert.deepEqual([answer.status, answer.at("code")], [422, "bundle.invalid"]);
    const errors = answer.at("errors") as {
      file: string;
      line: number;
      path: string;
      message: string;
      severity: string;
    }[];
    const places = errors
      .filter(({ severity }) => severity === "error")
      .map(({ file: name, line, path }) => `${name}:${line} ${path}`);
    for (const place of [
      "apis/orders/api.yaml:1 path",
      "apis/orders/api.yaml:2 backend",
      "apis/orders/api.yaml:3 protect",
      "apis/orders/policy.yaml:3 inbound[1].rate-limit.calls",
      "apis/orders/policy.yaml:4 inbound[2].set-headr",
      "backends/stock.yaml:3 timeout",
      "products/gold.yaml:4 plans.free.aproval",
    ]) {
      assert.ok(places.includes(place), `${place} in\n${places.join("\n")}`);
    }
    assert.equal(places.length, 7, places.join("\n"));
    assert.equal(await revision(), before);
  });

  test("a policy that does not compile is refused with its line, also where all else is well", async () => {
    const answer = await apply(
      replaced("apis/orders/policy.yaml", "inbound:\n  - base\n  - rate-limit: { calls: 0, window: 60s }\n"),
    );
    assert.equal(answer.status, 422, answer.text);
    assert.deepEqual([answer.at("errors", 0, "file"), answer.at("errors", 0, "line")], ["apis/orders/policy.yaml", 3]);
  });

  test("what the bundle owns goes when its file does; what was made otherwise stays, unless pruned", async () => {
    await platform.call("PUT", "/fragments/by-hand", { steps: [] });
    const planned = await platform.call("POST", "/bundle:plan", { files: without("products/") });
    assert.deepEqual(
      (planned.at("changes") as { action: string; name: string }[]).map(({ action, name }) => [action, name]),
      [["delete", "gold"]],
    );
    assert.equal((await apply(without("products/"))).status, 200);
    assert.equal((await platform.call("GET", "/products/gold")).status, 404);
    assert.equal((await platform.call("GET", "/fragments/by-hand")).status, 200);
    assert.equal((await apply(shop, { prune: true })).status, 200);
    assert.equal((await platform.call("GET", "/fragments/by-hand")).status, 404);
  });

  test("what another bundle owns is not changed", async () => {
    const answer = await apply([
      file("portico.yaml", "workspace: other\n"),
      file("backends/stock.yaml", "kind: mock\n"),
    ]);
    assert.deepEqual([answer.status, answer.at("code")], [422, "bundle.invalid"]);
    assert.match(answer.text, /belongs to the bundle 'shop'/);
  });

  test("a change over the API keeps the comments of the file, and applying what was pulled changes nothing", async () => {
    await platform.call("PATCH", "/apis/orders", { title: "Orders" });
    const files = await pulled();
    const text = Buffer.from(
      files.find(({ path }) => path === "apis/orders/api.yaml")?.contentBase64 ?? "",
      "base64",
    ).toString();
    assert.match(text, /path: \/orders # where it is/);
    assert.match(text, /title: Orders/);
    const before = await revision();
    assert.deepEqual((await apply(files)).at("changes"), []);
    assert.equal(await revision(), before);
  });

  test("rollback brings back what a revision had, as a new revision, byte for byte", async () => {
    const first = await platform.call("GET", "/revisions/1");
    assert.equal((first.at("changes") as unknown[]).length, 5);
    const before = await revision();
    const difference = await platform.call("GET", `/revisions/${before}/diff/1`);
    const rolledBack = await platform.call("POST", "/revisions/1:rollback", {});
    assert.equal(rolledBack.status, 200, rolledBack.text);
    assert.equal(rolledBack.at("revision"), before + 1);
    assert.deepEqual(rolledBack.at("changes"), difference.at("changes"));
    assert.deepEqual(await pulled(), byPath(shop));
    assert.equal((await platform.call("POST", `/revisions/${before + 1}:rollback`, {})).at("revision"), undefined);
    assert.equal((await platform.call("POST", "/revisions/9999:rollback", {})).status, 404);
    assert.equal((await platform.call("GET", "/revisions/9999")).status, 404);
    assert.equal((await platform.call("GET", "/revisions/1/diff/9999")).status, 404);
  });

  test("the bookshop of the examples is applied as it stands", async () => {
    const root = fileURLToPath(new URL("../../../examples/bookshop", import.meta.url));
    const files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((full) => ({
        path: relative(root, full).replaceAll("\\", "/"),
        contentBase64: readFileSync(full, "base64"),
      }))
      .filter(({ path }) => !path.startsWith("service/") && path !== "README.md");
    assert.ok(files.length >= 8);
    const answer = await platform.call("POST", "/bundle:plan", { files });
    // Only policies that the tests' engine does not have may be missing here.
    const errors = answer.status === 200 ? [] : (answer.at("errors") as { message: string; severity: string }[]);
    const others = errors.filter(
      ({ severity, message }) => severity === "error" && !/unknown policy|belongs to the bundle/.test(message),
    );
    assert.deepEqual(others, []);
  });
});
