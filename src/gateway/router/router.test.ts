import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { plainHeaders } from "../../exchange/headers.ts";
import { claimsOf, settleClaims } from "./claims.ts";
import { buildOperationTree, type OperationTree } from "./operation-tree.ts";
import { parametersOf, parseTemplate, splitMixed } from "./path-template.ts";
import { createRouteIndex, hostName, type RoutedRequest } from "./route-index.ts";

const template = (text: string) => {
  const parsed = parseTemplate(text);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
};

const treeOf = (...lines: readonly string[]): OperationTree<string> => {
  const built = buildOperationTree(
    lines.map((line) => {
      const [method = "", path = ""] = line.split(" ");
      return { id: line, method, template: template(path), value: line };
    }),
  );
  assert.deepEqual(built.duplicates, []);
  return built.tree;
};

const request = (host: string, path: string, headers: Record<string, string> = {}, query = ""): RoutedRequest => ({
  host,
  path,
  headers: plainHeaders(Object.entries(headers)),
  queryParameter: (name) => new URLSearchParams(query).get(name) ?? undefined,
});

test("a literal goes before a mixed segment, that before a parameter, that before a rest", () => {
  const tree = treeOf("GET /f/a.json", "GET /f/{name}.json", "GET /f/{name}", "GET /f/{path*}");
  assert.equal(tree.find("GET", "/f/a.json", ""), "GET /f/a.json");
  assert.equal(tree.find("GET", "/f/b.json", ""), "GET /f/{name}.json");
  assert.equal(tree.find("GET", "/f/b.xml", ""), "GET /f/{name}");
  assert.equal(tree.find("GET", "/f/b/c", ""), "GET /f/{path*}");
});

test("a literal that leads nowhere falls back to the parameter beside it", () => {
  const tree = treeOf("GET /a/b/d", "GET /a/{x}/c");
  assert.equal(tree.find("GET", "/a/b/c", ""), "GET /a/{x}/c");
  assert.equal(tree.find("GET", "/a/b/d", ""), "GET /a/b/d");
  assert.equal(tree.find("GET", "/a/b/e", ""), null);
});

test("the first template that has the method serves the request", () => {
  const tree = treeOf("GET /users/me", "PUT /users/{id}");
  assert.equal(tree.find("PUT", "/users/me", ""), "PUT /users/{id}");
  assert.deepEqual(tree.allowed("/users/me", ""), ["GET", "HEAD", "OPTIONS", "PUT"]);
  assert.deepEqual(tree.allowed("/users/you", ""), ["OPTIONS", "PUT"]);
  assert.deepEqual(tree.allowed("/nobody", ""), []);
});

test("HEAD is served by GET unless the document has its own", () => {
  const tree = treeOf("GET /a", "GET /b", "HEAD /b");
  assert.equal(tree.find("HEAD", "/a", ""), "GET /a");
  assert.equal(tree.find("HEAD", "/b", ""), "HEAD /b");
});

test("percent-encoding makes no difference to literals, and an encoded slash is data", () => {
  const tree = treeOf("GET /caf%C3%A9/x", "GET /a~b", "GET /v/{id}", "GET /v/{id}/w");
  assert.equal(tree.find("GET", "/caf%c3%a9/x", ""), "GET /caf%C3%A9/x");
  assert.equal(tree.find("GET", "/%61%7Eb", ""), "GET /a~b");
  assert.equal(tree.find("GET", "/v/1%2Fw", ""), "GET /v/{id}");
  assert.deepEqual({ ...parametersOf(template("/v/{id}"), "/v/1%2Fw") }, { id: "1/w" });
});

test("parameters are decoded, take at least one character, and may have any name", () => {
  const parsed = template("/{__proto__}/{a}-{b}.json/{rest*}");
  const values = parametersOf(parsed, "/x%20y/1-2-3.json/p/q%2Fr");
  assert.equal(Reflect.get(values, "__proto__"), "x y");
  assert.deepEqual([values.a, values.b, values.rest], ["1", "2-3", "p/q/r"]);
  const tree = treeOf("GET /a/{x}", "GET /{x}.json");
  assert.equal(tree.find("GET", "/a/", ""), null);
  assert.equal(tree.find("GET", "/.json", ""), null);
  assert.equal(tree.find("GET", "/a//", ""), null);
});

test("bytes that are no UTF-8 do not break the look-up", () => {
  assert.equal(treeOf("GET /a/{x}").find("GET", "/a/%FF%00", ""), "GET /a/{x}");
  assert.deepEqual({ ...parametersOf(template("/a/{x}"), "/a/%FFz") }, { x: "\u{FFFD}z" });
});

test("a slash at the end counts only where the document has both paths", () => {
  const tree = treeOf("GET /a", "GET /b/", "GET /c", "POST /c/");
  assert.equal(tree.find("GET", "/a/", ""), "GET /a");
  assert.equal(tree.find("GET", "/b", ""), "GET /b/");
  assert.equal(tree.find("GET", "/c/", ""), null);
  assert.deepEqual(tree.allowed("/c/", ""), ["OPTIONS", "POST"]);
  assert.equal(tree.find("GET", "/a//", ""), null);
});

test("a query written into a path is a condition", () => {
  const tree = treeOf("GET /?Action=List", "GET /?Action=Drop&force", "GET /");
  assert.equal(tree.find("GET", "/", "Action=List"), "GET /?Action=List");
  assert.equal(tree.find("GET", "/", "force=1&Action=Drop"), "GET /?Action=Drop&force");
  assert.equal(tree.find("GET", "/", "Action=Drop"), "GET /");
});

test("templates that match the same requests are named as duplicates", () => {
  const entry = (id: string, method: string, path: string) => ({ id, method, template: template(path), value: id });
  const { duplicates } = buildOperationTree([
    entry("one", "GET", "/a/{x}"),
    entry("two", "POST", "/a/{y}"),
    entry("three", "GET", "/a/{z}"),
  ]);
  assert.deepEqual(
    duplicates.map(({ first, second }) => [first.id, second.id]),
    [["one", "three"]],
  );
});

test("templates that cannot be matched are refused in words", () => {
  for (const path of ["a", "/{", "/}", "/{}", "/{a}{b}", "/{a{b}}"]) {
    assert.equal(typeof parseTemplate(path), "string", path);
  }
});

test("a path filled into its own template comes back to it with the same values", () => {
  const value = fc
    .string({ minLength: 1, maxLength: 12, unit: "grapheme" })
    .filter((text) => text !== "." && text !== "..");
  fc.assert(
    fc.property(value, value, (first, second) => {
      const parsed = template("/a/{first}/b/{second}");
      const path = `/a/${encodeURIComponent(first)}/b/${encodeURIComponent(second)}`;
      assert.equal(
        treeOf("GET /a/{first}/b/{second}", "GET /a/{z}", "GET /{y}/a").find("GET", path, ""),
        "GET /a/{first}/b/{second}",
      );
      assert.deepEqual({ ...parametersOf(parsed, path) }, { first, second });
    }),
    { numRuns: 300 },
  );
});

test("a mixed segment either gives back the whole text or does not match", () => {
  const word = fc.string({ maxLength: 4, unit: fc.constantFrom("a", "b", ".", "-") });
  fc.assert(
    fc.property(fc.array(word, { minLength: 2, maxLength: 4 }), word, (texts, value) => {
      if (texts.slice(1, -1).includes("")) return;
      const values = splitMixed(texts, value);
      if (values === undefined) return;
      assert.ok(values.every((one) => one !== ""));
      const joined = texts.map((text, index) => text + (values[index] ?? "")).join("");
      assert.equal(joined, value);
    }),
    { numRuns: 2000 },
  );
});

test("the tree agrees with trying every template in the order of precedence", () => {
  const segment = fc.constantFrom("a", "b", "{x}", "a{x}", "{x}.b");
  const paths = fc.uniqueArray(
    fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`),
    {
      minLength: 1,
      maxLength: 8,
      selector: (path) => template(path).shape,
    },
  );
  const asked = fc.array(fc.constantFrom("a", "b", "ab", "a.b", "c"), { minLength: 1, maxLength: 3 });
  const rank = (part: string): number => (!part.includes("{") ? 0 : part === "{x}" ? 9 : 9 - part.length + 3);
  const matches = (path: string, parts: readonly string[]): boolean => {
    const own = path.slice(1).split("/");
    if (own.length !== parts.length) return false;
    const pattern = own.map((part) =>
      part
        .split("{x}")
        .map((text) => text.replaceAll(".", "\\."))
        .join(".+"),
    );
    return parts.every((part, index) => new RegExp(`^${pattern[index]}$`).test(part));
  };
  fc.assert(
    fc.property(paths, asked, (templates, parts) => {
      const found = treeOf(...templates.map((path) => `GET ${path}`)).find("GET", `/${parts.join("/")}`, "");
      const fitting = templates.filter((path) => matches(path, parts));
      if (found === null) return assert.deepEqual(fitting, []);
      const ranks = (path: string): string => path.slice(1).split("/").map(rank).join("");
      const best = fitting.map(ranks).sort()[0];
      assert.ok(fitting.includes(found.slice(4)));
      assert.equal(ranks(found.slice(4)), best);
    }),
    { numRuns: 5000 },
  );
});

test("exact hosts go before wildcards, longer wildcards before shorter ones, and all before any host", () => {
  const index = createRouteIndex<string>();
  const add = (name: string, path: string, ...hosts: readonly string[]): void => {
    for (const claim of claimsOf({ path, hosts })) index.add(claim, name);
  };
  add("any", "/a");
  add("any-b", "/b");
  add("exact", "/a", "api.example.com");
  add("wild", "/a", "*.example.com");
  add("wilder", "/a", "*.eu.example.com");
  assert.equal(index.find(request("api.example.com:8080", "/a/x")), "exact");
  assert.equal(index.find(request("www.example.com", "/a")), "wild");
  assert.equal(index.find(request("a.b.eu.example.com.", "/a")), "wilder");
  assert.equal(index.find(request("example.com", "/a")), "any");
  assert.equal(index.find(request("api.example.com", "/b/1")), "any-b");
  assert.equal(index.find(request("[::1]:80", "/a")), "any");
  assert.equal(hostName("[::1]:80"), "[::1]");
});

test("the longest base path on segment borders wins", () => {
  const index = createRouteIndex<string>();
  for (const path of ["/", "/shop", "/shop/orders"])
    for (const claim of claimsOf({ path, hosts: [] })) index.add(claim, path);
  const at = (path: string) => [index.find(request("h", path)), path.slice(index.restStart)];
  assert.deepEqual(at("/shop/orders/7"), ["/shop/orders", "/7"]);
  assert.deepEqual(at("/shop/orders"), ["/shop/orders", ""]);
  assert.deepEqual(at("/shop/ordersx"), ["/shop", "/ordersx"]);
  assert.deepEqual(at("/sh%6Fp/x"), ["/shop", "/x"]);
  assert.deepEqual(at("/shopping"), ["/", "/shopping"]);
});

test("versions are chosen by path, header or query, with a default; an unknown one is not served", () => {
  const index = createRouteIndex<string>();
  const add = (name: string, version: Parameters<typeof claimsOf>[0]["version"]): void => {
    for (const claim of claimsOf({ path: "/o", hosts: [], ...(version ? { version } : {}) })) index.add(claim, name);
  };
  add("path1", { scheme: "path", value: "v1" });
  add("h1", { scheme: "header", value: "1", default: true });
  add("h2", { scheme: "header", value: "2" });
  add("q3", { scheme: "query", value: "3" });
  assert.equal(index.find(request("h", "/o/v1/x")), "path1");
  assert.equal(index.find(request("h", "/o/x")), "h1");
  assert.equal(index.find(request("h", "/o/x", { "api-version": "2" })), "h2");
  assert.equal(index.find(request("h", "/o/x", {}, "api-version=3")), "q3");
  assert.equal(index.find(request("h", "/o/x", { "api-version": "9" })), undefined);
});

test("removing all claims leaves nothing behind", () => {
  const index = createRouteIndex<string>();
  const claims = claimsOf({
    path: "/a/b",
    hosts: ["x.com", "*.y.com"],
    version: { scheme: "header", value: "1", default: true },
  });
  for (const claim of claims) index.add(claim, "a");
  assert.equal(index.find(request("z.y.com", "/a/b")), "a");
  for (const claim of claims) index.remove(claim);
  assert.equal(index.find(request("x.com", "/a/b")), undefined);
  assert.equal(index.find(request("z.y.com", "/a/b")), undefined);
  assert.equal(index.holderOf(claims[0]?.key ?? ""), undefined);
});

test("two APIs may change places; of two that want one place the first by name gets it", () => {
  const at = (path: string) => claimsOf({ path, hosts: [] });
  const holder = new Map([
    [at("/a")[0]?.key, "one"],
    [at("/b")[0]?.key, "two"],
  ]);
  const holderOf = (key: string) => holder.get(key);
  assert.deepEqual(
    settleClaims(
      [
        { api: "one", held: at("/a"), wanted: at("/b") },
        { api: "two", held: at("/b"), wanted: at("/a") },
      ],
      holderOf,
    ),
    [],
  );
  const refused = settleClaims(
    [
      { api: "x", held: [], wanted: at("/n") },
      { api: "w", held: [], wanted: at("/n") },
    ],
    holderOf,
  );
  assert.deepEqual(
    refused.map((one) => [one.api, one.holder]),
    [["x", "w"]],
  );
});

test("an API that is refused keeps its place against those who counted on it", () => {
  const at = (path: string) => claimsOf({ path, hosts: [] });
  const holderOf = (key: string) => (key === at("/a")[0]?.key ? "one" : key === at("/c")[0]?.key ? "three" : undefined);
  const refused = settleClaims(
    [
      { api: "one", held: at("/a"), wanted: at("/c") },
      { api: "aaa", held: [], wanted: at("/a") },
    ],
    holderOf,
  );
  assert.deepEqual(refused.map((one) => one.api).sort(), ["aaa", "one"]);
});
