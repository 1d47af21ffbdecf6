import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runCli } from "./testing-cli.ts";

const bookshop = fileURLToPath(new URL("../../../examples/bookshop", import.meta.url));

test("test ends with 0, 1 for what is not as expected, 1 for mistakes with their place, 2 for wrong usage", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "portico-run-tests-"));
  try {
    cpSync(bookshop, join(cwd, "shop"), { recursive: true });
    const good = await runCli(["test", "shop", "--junit", "out/results.xml", "--json"], { cwd });
    assert.equal(good.exit, 0, good.err);
    assert.deepEqual([good.json().passed, good.json().failed], [5, 0]);
    assert.match(readFileSync(join(cwd, "out/results.xml"), "utf8"), /tests="5" failures="0"/);
    const file = join(cwd, "shop/tests/bookshop.test.yaml");
    writeFileSync(file, "scenarios:\n  - name: one\n    request: { path: /none }\n    expect: { status: 200 }\n");
    const wrong = await runCli(["test", "shop", "--coverage"], { cwd });
    assert.equal(wrong.exit, 1);
    assert.match(
      wrong.out,
      /FAIL one .*\n +tests\/bookshop\.test\.yaml:4:\d+ scenarios\[0\]\.expect\.status: expected 200, got 404/,
    );
    assert.match(wrong.out, /never ran: policy cors at apis\/catalogue\/policy\.yaml inbound\[1\]\.cors/);
    writeFileSync(file, "scenarios:\n  - nam: one\n    request: { path: /none }\n");
    const invalid = await runCli(["test", "shop"], { cwd });
    assert.equal(invalid.exit, 1);
    assert.match(invalid.err, /tests\/bookshop\.test\.yaml:2:\d+.*unknown field 'nam'/);
    assert.equal((await runCli(["test", "shop", "--watch", "--json"], { cwd })).exit, 2);
    const watching = await runCli(["test", "shop", "--watch"], { cwd, endWhen: (out) => out.includes("Waiting for") });
    assert.equal(watching.exit, 0, watching.err);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
