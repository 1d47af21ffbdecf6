import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { jsonSchemas, schemaFolder } from "./json-schemas.ts";
import { readBundle } from "./read-bundle.ts";
import { scaffold } from "./scaffold.ts";
import { bundleOf, fixture } from "./testing-bundles.ts";
import { makeUnits } from "./units.ts";
import { readYamlText } from "./yaml-text.ts";

const configs = (files: ReadonlyMap<string, string>): Record<string, string> =>
  Object.fromEntries([...files].filter(([path]) => !path.startsWith(schemaFolder)));

test("a new bundle has nothing to complain about and gives a unit that answers", () => {
  const { resources, documents, findings } = readBundle(bundleOf(configs(scaffold("my-shop"))));
  assert.deepEqual(
    findings.filter((finding) => finding.severity !== "info"),
    [],
  );
  const { units, errors } = makeUnits(resources, documents, { secretOf: () => undefined });
  assert.deepEqual(errors, []);
  assert.match(units[0]?.operations[0]?.mocks?.[0]?.body ?? "", /Hello from Portico/);
  assert.deepEqual(Object.keys(units[0]?.products ?? {}), ["starter"]);
});

test("each file names its JSON Schema by a path that exists", () => {
  const files = scaffold("my-shop");
  let count = 0;
  for (const [path, text] of files) {
    const relative = /^# yaml-language-server: \$schema=(\S+)/.exec(text)?.[1];
    if (relative === undefined) continue;
    count++;
    const target = new URL(relative, `file:///${path}`).pathname.slice(1);
    assert.ok(files.has(target), `${path} -> ${target}`);
  }
  assert.equal(count, 4);
});

test("the JSON Schemas accept what the bundle accepts and refuse an unknown field", async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const schemas = new Map([...jsonSchemas()].map(([path, text]) => [path, ajv.compile(JSON.parse(text))]));
  const kinds: Record<string, RegExp> = {
    settings: /^portico/,
    api: /\/api\.yaml$/,
    "api-policy": /policy\.yaml$/,
    product: /^products/,
    backend: /^backends/,
    fragment: /^policies/,
    "named-value": /^named-values/,
  };
  let count = 0;
  for (const [path, bytes] of await fixture("complete")) {
    const kind = Object.entries(kinds).find(([, pattern]) => pattern.test(path))?.[0];
    const check = schemas.get(`${schemaFolder}/${kind}.schema.json`);
    if (check === undefined) continue;
    count++;
    const value = readYamlText(new TextDecoder().decode(bytes)).value;
    assert.ok(check(value), `${path}: ${JSON.stringify(check.errors)}`);
    assert.equal(check({ ...Object(value), unknown: 1 }), false, path);
  }
  assert.equal(count, 10);
});

test("with policies given, editors complete the steps", () => {
  const hint = {
    name: "set-status",
    summary: "Sets the status.",
    schema: { type: "object", properties: { code: { type: "integer" } }, required: ["code"] },
    hasShorthand: true,
  };
  const text = jsonSchemas([hint]).get(`${schemaFolder}/fragment.schema.json`) ?? "";
  const check = new Ajv2020({ strict: false }).compile(JSON.parse(text));
  assert.ok(check({ steps: ["base", { "set-status": { code: 204 } }, { "set-status": 204 }] }));
  assert.equal(check({ steps: [{ "set-statsu": 204 }] }), false);
});
