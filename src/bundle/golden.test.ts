import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { diffResources } from "./diff-resources.ts";
import { readBundle } from "./read-bundle.ts";
import { fixture } from "./testing-bundles.ts";
import { makeUnits } from "./units.ts";

/** Pairs of a bundle and what becomes of it; `UPDATE_GOLDEN=1` writes them anew, and the difference is reviewed. */
const pairs = {
  complete: "what a complete bundle becomes at gateways",
  "seven-mistakes": "what is said about a bundle with mistakes",
} as const;

for (const [name, what] of Object.entries(pairs)) {
  test(`golden pair: ${what}`, async () => {
    const { resources, documents, findings } = readBundle(await fixture(name));
    const { units, errors } = makeUnits(resources, documents, { secretOf: (secret) => `value of ${secret}` });
    const { changes } = diffResources(resources, [], { owner: "shop", ownerOf: () => undefined });
    const text = `${JSON.stringify({ findings, units, errors, changes }, null, 2)}\n`;
    const file = new URL(`./fixtures/${name}.golden.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN) writeFileSync(file, text);
    assert.equal(text, readFileSync(file, "utf8"));
  });
}
