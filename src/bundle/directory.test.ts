import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { readDirectory } from "./read-directory.ts";
import { bundleOf } from "./testing-bundles.ts";
import { writeDirectory } from "./write-directory.ts";

const root = await mkdtemp(join(tmpdir(), "portico-bundle-"));
after(() => rm(root, { recursive: true }));
let directory = root;
let count = 0;
beforeEach(async () => {
  directory = join(root, `bundle-${count++}`);
  await mkdir(directory);
});
const put = async (path: string, text: string): Promise<void> => {
  await mkdir(join(directory, path, ".."), { recursive: true });
  await writeFile(join(directory, path), text);
};

describe("reading", () => {
  test("dot files, node_modules and folders of others are not entered", async () => {
    await put("portico.yaml", "workspace: a\n");
    await put(".git/config", "x");
    await put("node_modules/x/index.js", "x");
    await put("portal/index.md", "x");
    await put("service/main.ts", "x");
    await put("apis/a/api.yaml", "path: /a\n");
    const { files, findings } = await readDirectory(directory);
    assert.deepEqual([...files.keys()], ["apis/a/api.yaml", "portico.yaml"]);
    assert.deepEqual(
      findings.map(({ severity, file }) => [severity, file]),
      [
        ["info", "portal/"],
        ["info", "service/"],
      ],
    );
  });

  test("links out of the directory, links to nothing and links to folders are errors; a link inside is a file", async () => {
    await put("policies/real.yaml", "steps: []\n");
    await writeFile(join(root, "outside.yaml"), "secret: true\n");
    await symlink(join(root, "outside.yaml"), join(directory, "policies/out.yaml"));
    await symlink("gone.yaml", join(directory, "policies/dead.yaml"));
    await symlink("../apis", join(directory, "policies/loop"));
    await mkdir(join(directory, "apis"));
    await symlink("real.yaml", join(directory, "policies/inside.yaml"));
    const { files, findings } = await readDirectory(directory);
    assert.deepEqual([...files.keys()], ["policies/inside.yaml", "policies/real.yaml"]);
    assert.deepEqual(
      findings.map(({ file, message }) => `${file} ${message}`),
      [
        "policies/dead.yaml is a link that leads nowhere (ENOENT)",
        "policies/loop is a link to a folder",
        "policies/out.yaml is a link that leads out of the bundle",
      ],
    );
  });

  test("a directory that is none is refused in words", async () => {
    await assert.rejects(readDirectory(join(directory, "none")), /there is no such directory/);
    await put("file", "x");
    await assert.rejects(readDirectory(join(directory, "file")), /not a directory/);
  });
});

describe("writing", () => {
  test("writes what differs, deletes what is gone, and leaves files that are no part of the bundle", async () => {
    await put("portico.yaml", "workspace: a\n");
    await put("products/old.yaml", "x");
    await put("portal/index.md", "x");
    await put("README.md", "x");
    const before = await stat(join(directory, "portico.yaml"));
    const files = bundleOf({ "portico.yaml": "workspace: a\n", "products/new.yaml": "apis: []\n" });
    const planned = await writeDirectory(directory, files, { dryRun: true });
    assert.deepEqual(planned, { written: ["products/new.yaml"], deleted: ["products/old.yaml"] });
    await stat(join(directory, "products/old.yaml"));
    assert.deepEqual(await writeDirectory(directory, files), planned);
    assert.equal(await readFile(join(directory, "products/new.yaml"), "utf8"), "apis: []\n");
    assert.equal((await stat(join(directory, "portico.yaml"))).mtimeMs, before.mtimeMs);
    await stat(join(directory, "README.md"));
    await stat(join(directory, "portal/index.md"));
    await assert.rejects(stat(join(directory, "products/old.yaml")));
    assert.deepEqual(await writeDirectory(directory, files), { written: [], deleted: [] });
  });

  test("makes a directory that does not exist, but not for a dry run", async () => {
    const fresh = join(directory, "deep/fresh");
    const files = bundleOf({ "portico.yaml": "workspace: a\n" });
    assert.deepEqual((await writeDirectory(fresh, files, { dryRun: true })).written, ["portico.yaml"]);
    await assert.rejects(stat(fresh));
    await writeDirectory(fresh, files);
    assert.equal(await readFile(join(fresh, "portico.yaml"), "utf8"), "workspace: a\n");
  });

  test("a path that is no file of a bundle is never written", async () => {
    for (const path of ["../evil.yaml", "/etc/evil", "apis/../../x", ".ssh/key", "portal/x.md"]) {
      await assert.rejects(writeDirectory(directory, bundleOf({ [path]: "x" })), /no file of a bundle/, path);
    }
  });
});
