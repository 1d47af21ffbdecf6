import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Fault } from "../base/fault.ts";
import { describeOperation } from "./describe-operation.ts";
import {
  collectExternalReferences,
  externalLimits,
  externalSources,
  type FetchFile,
  resolveExternal,
} from "./external-references.ts";
import { directoryFetcher, documentFetcher, isPublicAddress, urlFetcher } from "./fetch-document.ts";
import { lint } from "./lint.ts";
import { operationsOf } from "./operations.ts";
import { type OpenApiDocument, readDocument } from "./read-document.ts";

const main = `openapi: 3.1.0
info: { title: Parts, version: 1.0.0 }
paths:
  /pets: { $ref: "paths/pets.yaml" }
  /owners:
    get:
      responses:
        "200": { $ref: "https://shared.example/responses.json#/Owner" }
`;
const files: Readonly<Record<string, string>> = {
  "https://api.example/v1/paths/pets.yaml":
    "get:\n  operationId: listPets\n  parameters:\n    - $ref: ../parts.json#/limit\n  responses:\n    '200':\n      description: ok\n      content:\n        application/json: { schema: { $ref: '../openapi.yaml#/components/schemas/None' } }\n",
  "https://api.example/v1/parts.json":
    '{"limit": {"name": "limit", "in": "query", "schema": {"$ref": "#/size"}}, "size": {"type": "integer"}}',
  "https://shared.example/responses.json":
    '{"Owner": {"description": "An owner", "content": {"application/json": {"schema": {"$ref": "owner.json"}}}}}',
  "https://shared.example/owner.json":
    '{"type": "object", "properties": {"friend": {"$ref": "owner.json"}, "name": {"type": "string"}}}',
};

const read = (text: string, uri?: string): OpenApiDocument =>
  readDocument(new TextEncoder().encode(text), { name: "openapi.yaml", ...(uri === undefined ? {} : { uri }) });

const fromTable: FetchFile = async (uri) => {
  const text = files[uri];
  if (text === undefined) throw new Fault("document.fetch_failed", { public: `nothing at ${uri}` });
  return { bytes: new TextEncoder().encode(text), uri };
};

const fault = async (promise: Promise<unknown>): Promise<Fault> => {
  try {
    await promise;
  } catch (thrown) {
    assert.ok(thrown instanceof Fault, String(thrown));
    return thrown;
  }
  assert.fail("it was not refused");
};

describe("external references", () => {
  const document = read(main, "https://api.example/v1/openapi.yaml");

  test("they are collected with their files, relative where they lie beside the document", () => {
    assert.deepEqual(
      collectExternalReferences(document).map(({ file, uri, pointer }) => [file, uri, pointer]),
      [
        ["paths/pets.yaml", "https://api.example/v1/paths/pets.yaml", "/paths/~1pets"],
        [
          "https://shared.example/responses.json",
          "https://shared.example/responses.json",
          "/paths/~1owners/get/responses/200",
        ],
      ],
    );
  });

  test("they are fetched, with what they refer to in turn, and read where they stand", async () => {
    const resolved = await resolveExternal(document, fromTable);
    assert.deepEqual([...resolved.externals.keys()].sort(), [
      "https://shared.example/owner.json",
      "https://shared.example/responses.json",
      "parts.json",
      "paths/pets.yaml",
    ]);
    const [pets, owners] = operationsOf(resolved);
    assert.equal(pets?.id, "listPets");
    assert.deepEqual(
      pets?.parameters.map(({ name, pointer }) => [name, pointer]),
      [["limit", "parts.json#/limit"]],
    );
    assert.equal(describeOperation(resolved, "listPets")?.parameters[0]?.schema?.type, "integer");
    const owner = describeOperation(resolved, owners?.id ?? "")?.responses[0]?.content[0]?.schema;
    assert.equal(owner?.refName, "owner");
    assert.deepEqual(
      owner?.children.map(({ name, isRecursive }) => [name, isRecursive]),
      [
        ["friend", true],
        ["name", false],
      ],
    );
  });

  test("findings in another file name the file and its line", async () => {
    const resolved = await resolveExternal(document, fromTable);
    const found = lint(resolved).find(
      (finding) => finding.file === "paths/pets.yaml" && finding.rule === "operation-summary",
    );
    assert.deepEqual([found?.line, found?.column], [1, 1]);
  });

  test("their texts can be kept, and given back without the network", async () => {
    const resolved = await resolveExternal(document, fromTable);
    const again = readDocument(new TextEncoder().encode(main), {
      uri: "https://api.example/v1/openapi.yaml",
      externals: externalSources(resolved),
    });
    assert.deepEqual(operationsOf(again), operationsOf(resolved));
    assert.equal((await resolveExternal(again, () => assert.fail("nothing is missing"))).externals.size, 4);
  });

  test("everything that cannot be had is reported at once, with its line", async () => {
    const refused = await fault(
      resolveExternal(document, async () => Promise.reject(new Fault("x.y", { public: "no" }))),
    );
    assert.equal(refused.code, "document.external_unavailable");
    assert.deepEqual(
      refused.findings.map(({ line, column }) => [line, column]),
      [
        [4, 12],
        [8, 18],
      ],
    );
  });

  test("a relative reference of a document without a place is refused", async () => {
    const refused = await fault(resolveExternal(read(main), fromTable));
    assert.match(refused.findings[0]?.message ?? "", /came without a place/);
    assert.equal(refused.findings.length, 1);
  });

  test("a document from the network cannot refer to the disk", async () => {
    const sly = read(main.replace("paths/pets.yaml", "file:///etc/passwd"), "https://api.example/openapi.yaml");
    const refused = await fault(
      resolveExternal(sly, async (uri) =>
        uri.startsWith("file:") ? assert.fail("read") : fromTable(uri, { bytesMax: 1, signal: AbortSignal.abort() }),
      ),
    );
    assert.match(refused.message, /only a document on disk/);
  });

  test("the number of files, their size and the time are limited", async () => {
    const endless: FetchFile = async (uri) => {
      const next = Number(/(\d+)/.exec(uri)?.[1] ?? 0) + 1;
      return { bytes: new TextEncoder().encode(`{"$ref": "f${next}.json"}`), uri };
    };
    const start = read("openapi: 3.1.0\ninfo: {}\npaths: { /a: { $ref: f0.json } }", "https://a.example/o.yaml");
    assert.equal(
      (await fault(resolveExternal(start, endless, { ...externalLimits, filesMax: 5 }))).code,
      "document.too_many_externals",
    );
    const large = await fault(
      resolveExternal(start, async (uri) => ({ bytes: new Uint8Array(11), uri }), {
        ...externalLimits,
        fileBytesMax: 10,
      }),
    );
    assert.match(large.message, /more than 10 bytes/);
    const slow: FetchFile = (_uri, { signal }) =>
      new Promise((_resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("never asked to stop")), 5000);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(new Error("stopped"));
        });
      });
    assert.match((await fault(resolveExternal(start, slow, { ...externalLimits, timeoutMs: 20 }))).message, /stopped/);
  });
});

describe("fetching over http", () => {
  let server: Server;
  let origin = "";
  const answers: Record<string, RequestListener> = {
    "/ok": (_request, response) => response.end("openapi: 3.1.0"),
    "/gzip": (_request, response) => response.setHeader("content-encoding", "gzip").end(gzipSync("x".repeat(500))),
    "/bomb": (_request, response) =>
      response.setHeader("content-encoding", "gzip").end(gzipSync(Buffer.alloc(5_000_000))),
    "/large": (_request, response) => response.end("x".repeat(2000)),
    "/endless": (_request, response) => {
      const timer = setInterval(() => response.write("x".repeat(100)), 2);
      response.on("close", () => clearInterval(timer));
    },
    "/silent": () => {},
    "/error": (_request, response) => response.writeHead(503).end(),
    "/cut": (_request, response) => {
      response.setHeader("content-length", 100);
      response.write("x");
      setTimeout(() => response.destroy(), 5);
    },
    "/loop": (_request, response) => response.writeHead(302, { location: "/loop" }).end(),
    "/to-ok": (_request, response) => response.writeHead(307, { location: "ok" }).end(),
    "/to-file": (_request, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    "/to-private": (_request, response) => response.writeHead(302, { location: "http://internal.example/" }).end(),
    "/to-credentials": (_request, response) => response.writeHead(302, { location: "http://a:b@127.0.0.1/" }).end(),
  };
  before(async () => {
    server = createServer((request, response) =>
      (answers[request.url ?? ""] ?? ((_q, r) => r.writeHead(404).end()))(request, response),
    );
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    origin = `http://127.0.0.1:${address.port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  const open = urlFetcher({ allowPrivate: true, timeoutMs: 300 });
  const bounds = { bytesMax: 1000, signal: new AbortController().signal };
  const text = async (path: string, fetcher: FetchFile = open): Promise<string> =>
    Buffer.from((await fetcher(origin + path, bounds)).bytes).toString();

  test("what is there comes, also compressed, also after a redirect", async () => {
    assert.equal(await text("/ok"), "openapi: 3.1.0");
    assert.equal((await text("/gzip")).length, 500);
    assert.equal((await open(`${origin}/to-ok`, bounds)).uri, `${origin}/ok`);
  });

  const refusals: readonly (readonly [string, RegExp])[] = [
    ["/large", /more than 1000 bytes/],
    ["/bomb", /more than 1000 bytes/],
    ["/endless", /more than 1000 bytes|too long/],
    ["/silent", /too long/],
    ["/error", /answered 503/],
    ["/none", /answered 404/],
    ["/cut", /broke off/],
    ["/loop", /more than 5 redirects/],
    ["/to-file", /only http and https/],
    ["/to-credentials", /credentials/],
  ];
  for (const [path, words] of refusals) {
    test(`${path} is refused`, async () => {
      assert.match((await fault(open(origin + path, bounds))).message, words);
    });
  }

  test("other schemes, credentials and what is no URL are refused", async () => {
    assert.match((await fault(open("ftp://a.example/x", bounds))).message, /not ftp/);
    assert.match((await fault(open("http://user:pw@a.example/x", bounds))).message, /credentials/);
    assert.match((await fault(open("nonsense", bounds))).message, /no URL/);
  });

  test("private addresses are refused unless allowed, however they are written", async () => {
    const closed = urlFetcher({ timeoutMs: 300 });
    const port = new URL(origin).port;
    for (const host of [
      "127.0.0.1",
      "localhost",
      "2130706433",
      "0x7f.1",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "0.0.0.0",
      "169.254.169.254",
      "10.0.0.1",
      "[fe80::1]",
      "[fd00::1]",
    ]) {
      const refused = await fault(closed(`http://${host}:${port}/ok`, bounds));
      assert.equal(refused.code, "document.address_refused", `${host}: ${refused.message}`);
    }
  });

  test("the address that was checked is the one that is connected to, whatever the name says a moment later", async () => {
    let asked = 0;
    const pinned = urlFetcher({
      allowPrivate: true,
      timeoutMs: 300,
      resolve: async () => [{ address: ++asked === 1 ? "127.0.0.1" : "127.0.0.2", family: 4 }],
    });
    const fetched = await pinned(`http://rebind.example:${new URL(origin).port}/ok`, bounds);
    assert.equal(Buffer.from(fetched.bytes).toString(), "openapi: 3.1.0");
    assert.equal(asked, 1);
  });

  test("a name that leads to a private address is refused, before anything is connected to", async () => {
    const closed = urlFetcher({ resolve: async () => [{ address: "127.0.0.1", family: 4 }] });
    const refused = await fault(closed(`http://public.example:${new URL(origin).port}/ok`, bounds));
    assert.equal(refused.code, "document.address_refused");
  });

  test("one private address among public ones refuses the name", async () => {
    const mixed = urlFetcher({
      resolve: async () => [
        { address: "93.184.216.34", family: 4 },
        { address: "10.0.0.1", family: 4 },
      ],
    });
    assert.equal((await fault(mixed("http://mixed.example/", bounds))).code, "document.address_refused");
  });

  test("a redirect to a private address is refused, although the first address was allowed", async () => {
    const fetcher = urlFetcher({
      timeoutMs: 300,
      allowedNetworks: ["127.0.0.1/32"],
      resolve: async () => [{ address: "127.0.0.2", family: 4 }],
    });
    assert.equal(await text("/ok", fetcher), "openapi: 3.1.0");
    assert.equal((await fault(fetcher(`${origin}/to-private`, bounds))).code, "document.address_refused");
    assert.throws(() => urlFetcher({ allowedNetworks: ["10.0.0.0"] }), /no network/);
  });

  test("which addresses are public", () => {
    for (const address of ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "172.32.0.1", "100.128.0.1"])
      assert.ok(isPublicAddress(address), address);
    for (const address of [
      "0.0.0.0",
      "10.1.1.1",
      "100.64.0.1",
      "127.8.8.8",
      "169.254.1.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.0.1",
      "198.18.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "::",
      "::1",
      "::ffff:8.8.8.8",
      "64:ff9b::a00:1",
      "2001::1",
      "2001:db8::1",
      "2002:7f00:1::",
      "fc00::1",
      "fe80::1",
      "fe80::1%eth0",
      "ff02::1",
      "nonsense",
      "",
    ]) {
      assert.ok(!isPublicAddress(address), address);
    }
  });

  test("a cancelled import stops", async () => {
    const controller = new AbortController();
    const fetching = fault(open(`${origin}/silent`, { bytesMax: 1000, signal: controller.signal }));
    controller.abort();
    assert.match((await fetching).message, /too long/);
  });
});

describe("reading beside the document", () => {
  const directory = mkdtempSync(join(tmpdir(), "portico-openapi-"));
  const inside = join(directory, "api");
  const bounds = { bytesMax: 100, signal: new AbortController().signal };
  before(() => {
    mkdirSync(join(inside, "parts"), { recursive: true });
    writeFileSync(join(inside, "parts", "a.yaml"), "type: string");
    writeFileSync(join(inside, "large.yaml"), "x".repeat(101));
    writeFileSync(join(directory, "secret.yaml"), "secret");
    symlinkSync(join(directory, "secret.yaml"), join(inside, "link.yaml"));
  });
  after(() => rmSync(directory, { recursive: true }));

  const read = directoryFetcher(inside);
  const url = (path: string): string => new URL(path, `${pathToFileURL(inside).href}/`).href;

  test("files below the directory are read", async () => {
    assert.equal(Buffer.from((await read(url("parts/a.yaml"), bounds)).bytes).toString(), "type: string");
  });

  test("what leads out of it, is too large, missing or no file is refused", async () => {
    for (const path of [
      "../secret.yaml",
      "link.yaml",
      "%2e%2e/secret.yaml",
      "file:///etc/passwd",
      "large.yaml",
      "none.yaml",
      "parts",
    ]) {
      await fault(read(url(path), bounds));
    }
  });

  test("without a directory no file is read at all", async () => {
    assert.equal((await fault(documentFetcher()(url("parts/a.yaml"), bounds))).code, "document.url_refused");
    assert.ok(await documentFetcher({ directory: inside })(url("parts/a.yaml"), bounds));
  });
});
