import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { main, type Platform, portico, root, startPlatform } from "./testing-platform.ts";

const filesOf = async (directory: string): Promise<ReadonlyMap<string, string>> => {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = new Map<string, string>();
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(directory.length + 1), await readFile(path, "base64"));
  }
  return files;
};

/** Sources of the service and scenarios lie beside the configuration; the platform keeps neither. */
const isConfiguration = (path: string): boolean => !/^(service|tests)\//.test(path) && path !== "README.md";

describe("configuration as files", () => {
  let platform: Platform;
  let scratch: string;
  before(async () => {
    platform = await startPlatform({ args: ["--empty"] });
    scratch = await mkdtemp(join(tmpdir(), "portico-bundle-"));
    await cp(join(root, "examples/bookshop"), join(scratch, "mine"), { recursive: true });
  });
  after(async () => {
    await platform.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const revision = async (): Promise<number> =>
    Number(
      (await platform.manage("GET", "/bundle")).headers.get("portico-revision") ??
        ((await (await platform.manage("GET", "/bundle")).json()) as { revision: number }).revision,
    );

  test("apply, pull, apply: the files come back byte for byte and nothing changes", async () => {
    const applied = await portico(platform, ["apply", join(scratch, "mine"), "--yes"]);
    assert.equal(applied.code, 0, applied.stderr);
    const after = await revision();
    const pulled = await portico(platform, ["pull", join(scratch, "pulled"), "--yes"]);
    assert.equal(pulled.code, 0, pulled.stderr);
    const mine = [...(await filesOf(join(scratch, "mine")))].filter(([path]) => isConfiguration(path)).sort();
    const theirs = [...(await filesOf(join(scratch, "pulled")))].filter(([path]) => !path.startsWith(".")).sort();
    assert.deepEqual(theirs, mine);
    const again = await portico(platform, ["apply", join(scratch, "pulled"), "--yes"]);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(await revision(), after, "the second apply made no revision");
    assert.equal((await portico(platform, ["diff", join(scratch, "mine")])).code, 0);
  });

  test("a bundle that init wrote goes beside the first one; pull of both, then apply, changes nothing", async () => {
    const second = join(scratch, "second");
    await promisify(execFile)(process.execPath, [main, "init", second]);
    const applied = await portico(platform, ["apply", second, "--yes"]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.equal((await portico(platform, ["diff", second])).code, 0);
    assert.equal((await portico(platform, ["diff", join(scratch, "mine")])).code, 0, "the first bundle is as it was");
    const before = await revision();
    const both = join(scratch, "both");
    assert.equal((await portico(platform, ["pull", both, "--yes"])).code, 0);
    const again = await portico(platform, ["apply", both, "--yes"]);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(await revision(), before);
    const pulled = new Map(await filesOf(both));
    for (const [path, bytes] of await filesOf(second)) {
      if (/^(apis|products)\//.test(path)) assert.equal(pulled.get(path), bytes, path);
    }
  });

  test("a bundle with seven mistakes in five files: all seven are told with file, line and path, and nothing changes", async () => {
    const bad = join(scratch, "bad");
    await cp(join(root, "examples/bookshop"), bad, { recursive: true });
    const edit = async (file: string, from: string, to: string): Promise<void> => {
      const text = await readFile(join(bad, file), "utf8");
      assert.ok(text.includes(from), `${file} has ${from}`);
      await writeFile(join(bad, file), text.replace(from, to));
    };
    await edit("apis/catalogue/api.yaml", "path: /catalogue", "path: catalogue/");
    await edit("apis/catalogue/api.yaml", "protect: key", "protect: keys");
    await edit("apis/orders/api.yaml", "backend: bookshop", "backend: bookshopp");
    await edit("apis/orders/policy.yaml", "calls: 10", "calls: -1");
    await edit("apis/orders/policy.yaml", "set-header:", "set-headr:");
    await edit("backends/bookshop.yaml", "timeout: 10s", "timeout: soon");
    await edit("products/bookshop.yaml", "approval: manual", "aproval: manual");
    const before = await revision();
    const result = await portico(platform, ["apply", bad, "--yes", "--json"]);
    assert.equal(result.code, 1, result.stdout + result.stderr);
    const text = result.stdout + result.stderr;
    for (const [file, words] of [
      ["apis/catalogue/api.yaml", "path"],
      ["apis/catalogue/api.yaml", "protect"],
      ["apis/orders/api.yaml", "bookshopp"],
      ["apis/orders/policy.yaml", "calls"],
      ["apis/orders/policy.yaml", "set-headr"],
      ["backends/bookshop.yaml", "timeout"],
      ["products/bookshop.yaml", "aproval"],
    ] as const) {
      assert.ok(text.includes(file) && text.includes(words), `${file}: ${words} in\n${text}`);
    }
    const lines = (stderr: string): readonly string[] => stderr.match(/^ *\S+\.yaml:\d+:\d+ .*$/gm) ?? [];
    const human = await portico(platform, ["apply", bad, "--yes"]);
    assert.equal(lines(human.stderr).length, 7, human.stderr);
    assert.equal(await revision(), before);

    // Mistakes in one file hide none of its others, and lint finds what apply finds.
    await edit("apis/orders/policy.yaml", "- base", "- bse");
    const more = await portico(platform, ["apply", bad, "--yes"]);
    assert.match(more.stderr, /'bse' is no step/);
    assert.match(more.stderr, /unknown policy "set-headr"/);
    assert.equal(lines(more.stderr).length, 8, more.stderr);
    const linted = await promisify(execFile)(process.execPath, [main, "lint", bad]).catch((error: unknown) => error);
    const found = String(Object(linted).stdout).match(/^\S+\.yaml:\d+:\d+ error: /gm) ?? [];
    assert.equal(found.length, 8, String(Object(linted).stdout));
  });

  test("an API removed from the directory is removed by apply, and rollback brings it back", async () => {
    const less = join(scratch, "less");
    await cp(join(root, "examples/bookshop"), less, { recursive: true });
    await rm(join(less, "apis/orders"), { recursive: true });
    const product = join(less, "products/bookshop.yaml");
    await writeFile(product, (await readFile(product, "utf8")).replace("[catalogue, orders]", "[catalogue]"));
    const before = await revision();
    const applied = await portico(platform, ["apply", less, "--yes"]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.equal((await platform.manage("GET", "/apis/orders")).status, 404);
    const back = await portico(platform, ["rollback", String(before), "--yes"]);
    assert.equal(back.code, 0, back.stderr);
    assert.equal((await platform.manage("GET", "/apis/orders")).status, 200);
    assert.equal((await portico(platform, ["diff", join(scratch, "mine")])).code, 0);
  });
});
