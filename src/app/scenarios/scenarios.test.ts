import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Fault } from "../../base/fault.ts";
import { junitReport } from "./junit-report.ts";
import { type BundleResult, runBundle } from "./run-bundle.ts";

const document = JSON.stringify({
  openapi: "3.1.0",
  info: { title: "Things", version: "1" },
  paths: {
    "/things": {
      get: { operationId: "listThings", responses: { 200: { description: "ok" } } },
      post: { operationId: "addThing", responses: { 201: { description: "ok" } } },
    },
  },
});

const bundleOf = (
  scenarios: string,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> => ({
  "portico.yaml": "workspace: shop\n",
  "apis/things/api.yaml": "path: /things-api\nbackend: main\nprotect: none\n",
  "apis/things/openapi.json": document,
  "backends/main.yaml": "kind: http\nurl: https://main.example/base\ntimeout: 2s\n",
  "tests/things.test.yaml": scenarios,
  ...more,
});

const withBundle = async <T>(files: Readonly<Record<string, string>>, use: (directory: string) => Promise<T>) => {
  const directory = await mkdtemp(join(tmpdir(), "portico-scenarios-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
};

const run = (files: Readonly<Record<string, string>>): Promise<BundleResult> =>
  withBundle(files, (directory) => runBundle(directory));

const failuresOf = (result: BundleResult): readonly string[] =>
  result.scenarios.flatMap((one) => one.failures.map(({ line, path, message }) => `${line} ${path}: ${message}`));

const assertPasses = async (scenarios: string, more: Readonly<Record<string, string>> = {}): Promise<BundleResult> => {
  const result = await run(bundleOf(scenarios, more));
  assert.deepEqual(failuresOf(result), []);
  assert.ok(result.scenarios.length > 0);
  return result;
};

test("the scenarios of the example bundle hold, and run every policy of it", async () => {
  const result = await runBundle(fileURLToPath(new URL("../../../examples/bookshop", import.meta.url)));
  assert.deepEqual(failuresOf(result), []);
  assert.equal(result.scenarios.length, 5);
  assert.deepEqual(
    result.coverage.filter((place) => place.runs === 0),
    [],
  );
});

test("what is not as expected is told with line and path, all of it at once", async () => {
  const result = await run(
    bundleOf(`backends: { main: { status: 201, headers: { x-a: "1" }, json: { a: 1, b: [1, 2] } } }
scenarios:
  - name: wrong in everything
    request: { path: /things-api/things, query: { page: 2 } }
    expect:
      status: 200
      code: key.missing
      headers: { x-a: "2", x-b: "1" }
      json: { a: 2, b: [1], c: 1 }
      upstream: { method: POST, path: /base/other, query: { page: 3 } }
      explain: { route: no-api, ran: [cors], decided: cors }
`),
  );
  assert.deepEqual(failuresOf(result), [
    "6 scenarios[0].expect.status: expected 200, got 201",
    "7 scenarios[0].expect.code: expected key.missing, got no problem code",
    '8 scenarios[0].expect.headers.x-a: expected "2", the header x-a is "1"',
    "8 scenarios[0].expect.headers.x-b: the header x-b is missing",
    "9 scenarios[0].expect.json.a: expected 2, got 1",
    "9 scenarios[0].expect.json.b: expected 1 items, got 2",
    "9 scenarios[0].expect.json.c: it is missing",
    '10 scenarios[0].expect.upstream.method: expected "POST", the method is "GET"',
    '10 scenarios[0].expect.upstream.path: expected "/base/other", the path is "/base/things"',
    '10 scenarios[0].expect.upstream.query.page: expected "3", the query parameter page is "2"',
    "11 scenarios[0].expect.explain.route: expected no-api, got found",
    "11 scenarios[0].expect.explain.ran: expected cors; these ran: forward-request",
    "11 scenarios[0].expect.explain.decided: expected cors, it was nobody",
  ]);
  const report = junitReport(result);
  assert.match(report, /<testsuites name="portico test" tests="1" failures="1"/);
  assert.match(report, /<failure message="expected 200, got 201">tests\/things\.test\.yaml:6 /);
  assert.match(report, /&quot;2&quot;/);
});

test("unknown fields and wrong values of all files are refused at once, with line and path, and nothing runs", async () => {
  const files = bundleOf(
    `scenarios:
  - name: one
    request: { path: /x, caller: nobody }
  - name: two
    request: { pth: /x }
    expect: { status: 99 }
`,
    { "tests/more.test.yaml": "scenarios:\n  - nam: x\n    request: { path: /a }\n" },
  );
  await assert.rejects(run(files), (thrown) => {
    assert.ok(thrown instanceof Fault);
    const found = thrown.findings.map(({ file, line, path }) => `${file}:${line} ${path}`);
    assert.deepEqual(found, [
      "tests/more.test.yaml:2 scenarios[0].name",
      "tests/more.test.yaml:2 scenarios[0].nam",
      "tests/things.test.yaml:5 scenarios[1].request.path",
      "tests/things.test.yaml:5 scenarios[1].request.pth",
      "tests/things.test.yaml:6 scenarios[1].expect.status",
    ]);
    return true;
  });
});

test("a caller that the file does not name is refused", async () => {
  const files = bundleOf("scenarios:\n  - name: one\n    request: { path: /x, caller: nobody }\n");
  await assert.rejects(
    run(files),
    (thrown) => thrown instanceof Fault && /there is no caller 'nobody'/.test(thrown.findings[0]?.message ?? ""),
  );
});

test("a mistake in a policy is told as lint tells it, and nothing runs", async () => {
  const files = bundleOf("scenarios:\n  - name: one\n    request: { path: /x }\n", {
    "apis/things/policy.yaml": "inbound:\n  - set-hedder: { name: a, value: b }\n",
  });
  await assert.rejects(
    run(files),
    (thrown) => thrown instanceof Fault && /set-hedder/.test(thrown.findings[0]?.message ?? ""),
  );
});

test("stubs answer in a row, fail, and are late in virtual time; the engine's own rules see it", async () => {
  const result = await assertPasses(
    `scenarios:
  - name: a row of answers
    backends: { main: [{ body: one }, { body: two }] }
    calls:
      - { request: { path: /things-api/things }, expect: { body: one } }
      - { request: { path: /things-api/things }, expect: { body: two } }
      - { request: { path: /things-api/things }, expect: { body: two } }
  - name: nobody listens
    backends: { main: { failure: refused } }
    request: { path: /things-api/things }
    expect: { status: 502, code: backend.unreachable, upstream: 0, explain: { decided: forward-request } }
  - name: the connection breaks
    backends: { main: { failure: reset } }
    request: { path: /things-api/things, method: POST, json: { a: 1 } }
    expect: { status: 502, upstream: [{ method: POST, json: { a: 1 }, headers: { content-type: application/json } }] }
  - name: late, but in time
    backends: { main: { delay: 1500ms, body: late } }
    request: { path: /things-api/things }
    expect: { status: 200, body: late }
  - name: too late
    backends: { main: { delay: 3s } }
    request: { path: /things-api/things }
    expect: { status: 504, code: backend.timeout }
`,
  );
  assert.equal(result.scenarios.length, 5);
});

test("a backend with rules retries against the stubs", async () => {
  await assertPasses(
    `scenarios:
  - name: the second try succeeds
    backends: { main: [{ status: 503 }, { body: ok }] }
    request: { path: /things-api/things }
    expect: { status: 200, body: ok, upstream: 2 }
`,
    {
      "backends/main.yaml": "kind: http\nurl: https://main.example/base\nretry: { attempts: 3 }\n",
    },
  );
});

test("a backend that is called without a stub fails the scenario, by name", async () => {
  const result = await run(bundleOf("scenarios:\n  - name: one\n    request: { path: /things-api/things }\n"));
  assert.match(failuresOf(result).join(), /https:\/\/main\.example was called, and no stub answers/);
});

test("what policies fetch comes from stubs by URL, and branches that never ran are named", async () => {
  const policy = `inbound:
  - send-request:
      response-variable-name: verdict
      set-url: https://verdicts.example/check
      set-method: GET
  - choose:
      when:
        - condition: "=variables.verdict.status == 200"
          steps:
            - set-header: { name: x-verdict, value: good }
      otherwise:
        - return-response: { set-status: { code: 403 } }
`;
  const result = await assertPasses(
    `backends:
  main: { body: ok }
  https://verdicts.example: { status: 200 }
scenarios:
  - name: a good verdict
    request: { path: /things-api/things }
    expect:
      status: 200
      upstream: [{ backend: "https://verdicts.example", path: /check }, { backend: main, headers: { x-verdict: good } }]
      explain: { ran: [send-request, choose, set-header], skipped: [return-response] }
`,
    { "apis/things/policy.yaml": policy },
  );
  assert.deepEqual(
    result.coverage.filter((place) => place.runs === 0).map((place) => `${place.kind} ${place.file} ${place.path}`),
    [
      "policy apis/things/policy.yaml inbound[1].choose.otherwise[0].return-response",
      "branch apis/things/policy.yaml inbound[1].choose.otherwise",
    ],
  );
});

test("each scenario begins with counters and a time of its own", async () => {
  const policy = "inbound:\n  - rate-limit-by-key: { calls: 1, renewal-period: 60, counter-key: all }\n";
  const call = "{ request: { path: /things-api/things }, expect: { status: 200 } }";
  await assertPasses(
    `backends: { main: { body: ok } }
scenarios:
  - name: first
    calls: [${call}]
  - name: second
    start: 2030-05-01T12:00:00Z
    calls: [${call}, { request: { path: /things-api/things }, expect: { status: 429 } }]
`,
    { "apis/things/policy.yaml": policy },
  );
});
