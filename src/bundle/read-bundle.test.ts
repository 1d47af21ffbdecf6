import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resourceKey } from "../model/resource.ts";
import { type BundleFinding, hasErrors } from "./finding.ts";
import { placeFindings, readBundle } from "./read-bundle.ts";
import { apiFiles, bundleOf, documentWith, fixture } from "./testing-bundles.ts";

const errorsOf = (findings: readonly BundleFinding[]): readonly string[] =>
  findings
    .filter((finding) => finding.severity === "error")
    .map(({ file, line, column, path, message }) => `${file}:${line}:${column} ${path ?? ""} ${message}`);

const messagesOf = (files: Readonly<Record<string, string>>): readonly string[] =>
  errorsOf(readBundle(bundleOf(files)).findings);

describe("a bundle with mistakes", () => {
  test("seven mistakes in five files are all reported with file, line, column and path", async () => {
    const { findings } = readBundle(await fixture("seven-mistakes"));
    assert.deepEqual(errorsOf(findings), [
      "apis/orders/api.yaml:3:10 backend the backend 'warehous' does not exist",
      "apis/orders/api.yaml:4:1 protct unknown field 'protct'",
      "apis/orders/policy.yaml:2:23 inbound[0].include-fragment the fragment 'comon' does not exist",
      "apis/orders/policy.yaml:4:3 operations.listOrder the document has no operation 'listOrder'",
      "backends/warehouse.yaml:3:10 timeout write a duration such as 500ms, 60s, 5m, 1h or 7d",
      "policies/common.yaml:3:1 steps the key 'steps' stands twice in the same place",
      "products/starter.yaml:2:16 apis[1] the API 'ordres' does not exist",
    ]);
    const suggested = findings.filter((finding) => finding.next?.startsWith("Did you mean")).map(({ next }) => next);
    assert.deepEqual(suggested, [
      "Did you mean 'warehouse'?",
      "Did you mean 'protect'?",
      "Did you mean 'common'?",
      "Did you mean 'listOrders'?",
      "Did you mean 'orders'?",
    ]);
  });

  test("a missing field is named, at what should hold it", () => {
    assert.deepEqual(messagesOf({ ...apiFiles("a", "protect: none\n", "one") }), [
      "apis/a/api.yaml:1:1 path the field 'path' is missing",
    ]);
  });

  test("an empty file is told from an absent one", () => {
    assert.match(messagesOf({ "products/p.yaml": "# nothing\n" })[0] ?? "", /the file is empty/);
  });

  test("a number where a text is needed says to quote it", () => {
    const { findings } = readBundle(
      bundleOf(apiFiles("a", "path: /a\nprotect: none\nversions: { scheme: path, value: 1.0 }\n", "one")),
    );
    const [found] = findings.filter((finding) => finding.severity === "error");
    assert.equal(found?.message, "expected a string, found the number 1");
    assert.equal(found?.next, 'Put it in quotes: "1".');
    assert.deepEqual([found?.line, found?.column, found?.path], [3, 34, "versions.value"]);
  });

  test("a wrong word in a closed set lists the set", () => {
    assert.deepEqual(
      messagesOf(apiFiles("a", "path: /a\nversions: { scheme: pth, value: v1 }\nprotect: none\n", "one")),
      ["apis/a/api.yaml:2:21 versions.scheme 'pth' is not one of path, header, query"],
    );
    assert.deepEqual(messagesOf({ "backends/b.yaml": "kind: htp\n" }), [
      "backends/b.yaml:1:7 kind 'htp' is not one of http, mock",
    ]);
    assert.deepEqual(messagesOf({ "backends/b.yaml": "url: http://b.example\n" }), [
      "backends/b.yaml:1:1 kind the field 'kind' is missing",
    ]);
  });

  test("a choice of forms reports the form that was meant", () => {
    assert.deepEqual(messagesOf(apiFiles("a", "path: /a\nprotect: kee\n", "one")), [
      "apis/a/api.yaml:2:10 protect 'kee' is not one of key, jwt, none",
    ]);
    assert.deepEqual(messagesOf(apiFiles("a", "path: /a\nprotect: [none, key]\n", "one")), [
      "apis/a/api.yaml:2:10 protect `none` stands alone: write `protect: none`",
    ]);
    assert.deepEqual(messagesOf(apiFiles("a", "path: /a\nprotect: none\nvisibility: 3\n", "one")), [
      "apis/a/api.yaml:3:13 visibility 3 is not one of public, signed-in",
    ]);
  });

  test("a step with two policies is refused at the step", () => {
    const files = {
      ...apiFiles("a", "path: /a\nprotect: none\n", "one"),
      "apis/a/policy.yaml": "inbound:\n  - base\n  - { cors: {}, set-status: 204 }\n",
    };
    assert.deepEqual(messagesOf(files), [
      "apis/a/policy.yaml:3:5 inbound[1] a step is `base` or an object with exactly one key, the policy's name",
    ]);
  });

  test("references of a file with other mistakes are checked too", () => {
    const files = {
      ...apiFiles("a", "path: nowhere\nbackend: gone\nprotect: none\nproducts: [lost]\n", "one"),
      "apis/a/policy.yaml": "inbound: [{ a: 1, b: 2 }, { include-fragment: missing }]\noutbund: []\n",
    };
    assert.deepEqual(
      messagesOf(files).map((text) => text.replace(/^\S+ /, "")),
      [
        "path a path begins with '/', has no trailing '/', and no parameters",
        "backend the backend 'gone' does not exist",
        "products[0] the product 'lost' does not exist",
        "inbound[0] a step is `base` or an object with exactly one key, the policy's name",
        "inbound[1].include-fragment the fragment 'missing' does not exist",
        "outbund unknown field 'outbund'",
      ],
    );
  });

  test("a name that is used but whose file has mistakes of its own is not reported as missing", () => {
    const files = {
      ...apiFiles("a", "path: /a\nprotect: none\nbackend: broken\n", "one"),
      "backends/broken.yaml": "kind: http\nurl: ftp://x.example\n",
    };
    const errors = messagesOf(files);
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", /^backends\/broken\.yaml:2:6 url /);
  });
});

describe("files of a bundle", () => {
  test("an API without a document, a document without an API, and two documents are refused", () => {
    assert.deepEqual(
      messagesOf({
        "apis/a/api.yaml": "path: /a\nprotect: none\n",
        "apis/b/openapi.json": documentWith("one"),
        ...apiFiles("c", "path: /c\nprotect: none\n", "one"),
        "apis/c/openapi.yml": documentWith("one"),
      }),
      [
        "apis/a/api.yaml:1:1  the API 'a' has no document",
        "apis/b/openapi.json:undefined:undefined  the API 'b' has a document but no api.yaml",
        "apis/c/openapi.yml:undefined:undefined  the API 'c' has more than one document",
      ],
    );
  });

  test("a document that cannot be read gives its own place", () => {
    const errors = messagesOf({
      "apis/a/api.yaml": "path: /a\nprotect: none\n",
      "apis/a/openapi.yaml": "openapi: 3.1.0\ninfo: [\n",
    });
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", /^apis\/a\/openapi\.yaml:\d+:\d+ /);
  });

  test("a document without operations is refused", () => {
    assert.deepEqual(messagesOf(apiFiles("a", "path: /a\nprotect: none\n")), [
      "apis/a/openapi.json:1:1  the document has no operations",
    ]);
  });

  test("places for later versions are refused by name, places of others are left alone", () => {
    const { findings } = readBundle(
      bundleOf({
        "functions/app/index.ts": "",
        "data/books.yaml": "",
        "policies/own.ts": "",
        "apis/a/policy.xml": "<policies/>",
        "apis/a/service.wsdl": "",
        "portal/index.md": "# hello",
        "portal/more.md": "# more",
        "tests/a.test.yaml": "",
        "README.md": "",
        ".hidden": "",
      }),
    );
    const named = (severity: string): readonly string[] =>
      findings.filter((finding) => finding.severity === severity).map(({ file, message }) => `${file}: ${message}`);
    assert.equal(named("error").length, 5);
    for (const text of named("error")) assert.match(text, /not available in this version/);
    // One line for a folder, not one for each of its files.
    assert.equal(named("info").filter((text) => text.startsWith("portal/")).length, 1);
    assert.equal(named("info").filter((text) => text.startsWith("tests/")).length, 1);
  });

  test("unknown files and folders are refused with what was probably meant", () => {
    const { findings } = readBundle(
      bundleOf({
        "product/p.yaml": "",
        "products/p.yml": "",
        "apis/a/polcy.yaml": "",
        "porticoo.yaml": "",
        "apis/A/api.yaml": "",
        "../x": "",
        "a//b": "",
      }),
    );
    assert.equal(findings.filter((finding) => finding.severity === "error").length, 7);
    const nexts = findings.map((finding) => finding.next);
    assert.ok(nexts.includes("Did you mean 'products/'?"));
    assert.ok(nexts.includes("Did you mean 'policy.yaml'?"));
    assert.ok(nexts.includes("Did you mean 'portico.yaml'?"));
  });

  test("a backend cannot take the name of the built-in mock", () => {
    assert.match(messagesOf({ "backends/mock.yaml": "kind: mock\n" })[0] ?? "", /'mock' is the name of the built-in/);
  });

  test("what is too large is refused with the name of the limit", () => {
    const files = bundleOf({ "portico.yaml": "workspace: a\n", "products/p.yaml": "apis: []\nplans: { a: {} }\n" });
    const tooMany = readBundle(files, { limits: { filesMax: 1 } });
    assert.match(tooMany.findings[0]?.message ?? "", /filesMax/);
    assert.deepEqual(tooMany.resources, []);
    assert.match(readBundle(files, { limits: { bundleBytesMax: 10 } }).findings[0]?.message ?? "", /bundleBytesMax/);
    const tooLong = readBundle(files, { limits: { configBytesMax: 10 } });
    assert.match(errorsOf(tooLong.findings)[0] ?? "", /products\/p.yaml.*at most 10 are read/);
  });

  test("bytes that are not UTF-8 are refused", () => {
    const { findings } = readBundle(new Map([["portico.yaml", new Uint8Array([0x61, 0xff, 0xfe])]]));
    assert.equal(findings[0]?.message, "is not UTF-8");
  });
});

describe("references", () => {
  test("two APIs at one place conflict unless host, gateway or version tells them apart", () => {
    const conflicts = (a: string, b: string): number =>
      messagesOf({
        ...apiFiles("a", `path: /x\nprotect: none\n${a}`, "one"),
        ...apiFiles("b", `path: /x\nprotect: none\n${b}`, "one"),
      }).length;
    assert.equal(conflicts("", ""), 1);
    assert.equal(conflicts("hosts: [a.example]\n", ""), 0);
    assert.equal(conflicts("hosts: [a.example]\n", "hosts: [a.example, b.example]\n"), 1);
    assert.equal(conflicts("gateways: [eu]\n", "gateways: [us]\n"), 0);
    assert.equal(conflicts("gateways: [eu]\n", ""), 1);
    assert.equal(conflicts("versions: { scheme: path, value: v1 }\n", "versions: { scheme: path, value: v2 }\n"), 0);
    assert.equal(conflicts("versions: { scheme: path, value: v1 }\n", "versions: { scheme: path, value: v1 }\n"), 1);
    assert.equal(conflicts("versions: { scheme: path, value: v1 }\n", ""), 0);
  });

  test("fragments that include each other are refused with their circle", () => {
    const errors = messagesOf({
      "policies/a.yaml": "steps: [{ include-fragment: b }]\n",
      "policies/b.yaml":
        "steps: [{ choose: { when: [{ condition: '=true', steps: [{ include-fragment: { fragment-id: a } }] }] } }]\n",
    });
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", /a -> b -> a/);
  });

  test("named values in policies and backends must exist; an escaped brace names nothing", () => {
    const errors = messagesOf({
      "named-values/known.yaml": "value: x\n",
      "policies/f.yaml": "steps: [{ set-header: { name: a, value: 'x {{known}} {{ gone }} \\{{escaped}}' } }]\n",
      "backends/b.yaml": "kind: http\nurl: https://b.example\ncredentials: { headers: { a: '{{lost}}' } }\n",
    });
    assert.deepEqual(
      errors.map((text) => text.replace(/^\S+ /, "")),
      [
        "credentials.headers.a the named value 'lost' does not exist",
        "steps[0].set-header.value the named value 'gone' does not exist",
      ],
    );
  });

  test("protection by jwt asks where the keys are", () => {
    assert.match(messagesOf(apiFiles("a", "path: /a\nprotect: jwt\n", "one"))[0] ?? "", /where the signing keys are/);
  });

  test("a URL that no backend can have is refused", () => {
    for (const url of ["https://user:pass@x.example", "https://x.example/?a=1", "ftp://x.example", "https://"]) {
      assert.match(
        messagesOf(apiFiles("a", `path: /a\nprotect: none\nbackend: ${url}\n`, "one"))[0] ?? "",
        /cannot be the URL of a backend/,
        url,
      );
    }
  });

  test("what exists elsewhere may be named", () => {
    const files = bundleOf(apiFiles("a", "path: /a\nbackend: theirs\nproducts: [free]\n", "one"));
    const isElsewhere = (key: string): boolean => key === "backend/theirs" || key === "product/free";
    assert.ok(hasErrors(readBundle(files).findings));
    assert.deepEqual(errorsOf(readBundle(files, { isElsewhere }).findings), []);
  });
});

test("a complete bundle gives one resource for each file, its text and its document", async () => {
  const { resources, documents, findings } = readBundle(await fixture("complete"));
  assert.deepEqual(errorsOf(findings), []);
  assert.deepEqual(resources.map(resourceKey).sort(), [
    "api-policy/orders",
    "api/orders",
    "api/stock",
    "backend/archive",
    "backend/warehouse",
    "fragment/common",
    "named-value/sender",
    "named-value/warehouse-secret",
    "product/starter",
    "settings/platform",
  ]);
  const stock = resources.find((resource) => resourceKey(resource) === "api/stock");
  assert.ok(stock?.source?.startsWith("\uFEFF# with a byte order mark"));
  assert.equal(stock?.document?.fileName, "openapi.json");
  assert.ok(documents.has(stock?.document?.hash ?? ""));
});

test("findings that know only file and path get their lines", async () => {
  const files = await fixture("complete");
  const placed = placeFindings(files, [
    {
      file: "apis/orders/policy.yaml",
      path: "operations.listOrders.inbound[1].set-backend-service.backend-id",
      message: "m",
    },
    { file: "products/starter.yaml", path: "policy.inbound[1].set-header.nothing.here", message: "m" },
    { file: "elsewhere.yaml", message: "m" },
  ]);
  assert.deepEqual(
    placed.map(({ line, column }) => [line, column]),
    [
      [8, 32],
      [6, 21],
      [undefined, undefined],
    ],
  );
});
