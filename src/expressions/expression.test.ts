import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { manualClock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { callerOf, type Exchange } from "../exchange/exchange.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { compileExpression, type ResultType } from "./expression.ts";
import { expressionLimits } from "./limits.ts";

const exchange = () =>
  testExchange({
    method: "POST",
    path: "/orders/a%20b?tag=x&tag=y&n=7",
    host: "shop.test:8080",
    clientIp: "203.0.113.9",
    headers: { "X-Tenant": "acme", Accept: "text/html" },
    params: { orderId: "a b" },
    route: { api: "orders", operation: "getOrder", pathTemplate: "/orders/{orderId}", version: "v2" },
    caller: callerOf({
      kind: "jwt",
      subject: "u1",
      plan: "gold",
      claims: { roles: ["r1", "admin"], level: 3, deep: { a: [1] } },
    }),
    variables: { n: 2, text: "t", list: ["a"] },
    reply: { status: 404, headers: { etag: '"1"' } },
    fault: { code: "backend.timeout", source: "forward-request" },
  });

const clock = manualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
const evaluate = (source: string, type: ResultType = "any", x: Exchange = exchange()): unknown => {
  const compiled = compileExpression(source, type, clock);
  assert.equal(compiled.mistake, undefined, `${source}: ${compiled.mistake}`);
  return compiled.evaluate?.(x);
};
const mistake = (source: string, type: ResultType = "any"): string => {
  const compiled = compileExpression(source, type, clock);
  assert.notEqual(compiled.mistake, undefined, `${source} compiled`);
  return `${compiled.mistake}`;
};
/** The internal text of the fault that evaluating must end with. */
const failure = (source: string, x: Exchange = exchange()): string => {
  try {
    evaluate(source, "any", x);
  } catch (thrown) {
    assert.ok(thrown instanceof Fault && thrown.code === "policy.fault", String(thrown));
    return thrown.internal ?? "";
  }
  return assert.fail(`${source} did not fail`);
};

test("every noun of the environment gives what the exchange holds", () => {
  const table: readonly (readonly [string, unknown])[] = [
    ["request.method", "POST"],
    ["request.scheme", "http"],
    ["request.host", "shop.test:8080"],
    ["request.path", "/orders/a%20b"],
    ["request.queryString", "tag=x&tag=y&n=7"],
    ["request.url", "http://shop.test:8080/orders/a%20b?tag=x&tag=y&n=7"],
    ["request.ip", "203.0.113.9"],
    ["request.id", "test-1"],
    ["request.headers['x-TENANT']", "acme"],
    ["request.headers.accept", "text/html"],
    ["request.headers[?'nope'].orValue('-')", "-"],
    ["'x-tenant' in request.headers", true],
    ["has(request.headers.missing)", false],
    ["request.query.tag", "x"],
    ["int(request.query.n) + 1", 8n],
    ["request.params.orderId", "a b"],
    ["response.status", 404n],
    ["response.headers['ETag']", '"1"'],
    ["caller.kind + caller.subject + caller.plan", "jwtu1gold"],
    ["'admin' in caller.claims.roles", true],
    ["caller.claims.level >= 3", true],
    ["api.name + api.version", "ordersv2"],
    ["operation.id + operation.method + operation.path", "getOrderPOST/orders/{orderId}"],
    ["variables.n + 1", 3n],
    ["variables['text']", "t"],
    ["error.code", "backend.timeout"],
    ["string(now)", "2026-01-02T03:04:05Z"],
    ["now - duration('1h') < now", true],
    ["request.headers.map(name, name)", ["host", "x-tenant", "accept"]],
    ["size(request.query)", 2n],
  ];
  for (const [source, want] of table) assert.deepEqual(evaluate(source), want, source);
});

test("an exchange without caller, reply and fault gives empty strings and status 0", () => {
  const x = testExchange();
  assert.equal(evaluate("caller.kind + caller.organization + error.code", "string", x), "");
  assert.equal(evaluate("response.status == 0 && size(response.headers) == 0", "boolean", x), true);
});

test("headers are read only when an expression asks for them", () => {
  const x = exchange();
  const reads: string[] = [];
  const headers = new Proxy(x.request.headers, {
    get: (target, name) => {
      reads.push(String(name));
      return Reflect.get(target, name);
    },
  });
  const watched: Exchange = Object.assign(Object.create(x), {
    request: Object.assign(Object.create(x.request), { headers }),
  });
  evaluate("request.method == 'POST'", "boolean", watched);
  assert.deepEqual(reads, []);
  evaluate("request.headers['x-tenant']", "string", watched);
  assert.deepEqual([...new Set(reads)], ["get"]);
});

test("unknown names, wrong types and bad syntax are refused with their position", () => {
  const table: readonly (readonly [string, ResultType, RegExp, number])[] = [
    ["nope.x", "any", /Unknown variable: nope/, 1],
    ["request.metod", "any", /No such key: metod/, 1],
    ["1 + 'a'", "any", /no such overload: int \+ string/, 1],
    ["request.method.nope()", "any", /nope/, 1],
    ["request.method ==", "any", /Unexpected/, 18],
    ["request.headers", "string", /gives a map<string, string>, but a string is needed/, 1],
    ["request.method", "number", /write int\(\.\.\.\)/, 1],
    ["request.method", "boolean", /a bool is needed/, 1],
    ["request.method.matches('(a)\\\\1')", "boolean", /linear time/, 1],
    ["", "any", /empty/, 1],
  ];
  for (const [source, type, message, column] of table) {
    const compiled = compileExpression(source, type, clock);
    assert.match(`${compiled.mistake}`, message, source);
    if (compiled.mistake !== undefined && column > 1) assert.equal(compiled.column, column, source);
  }
  const second = compileExpression("true &&\n  nope", "boolean", clock);
  assert.ok(second.mistake !== undefined && second.line === 2 && second.column === 3, JSON.stringify(second));
});

test("results become strings, numbers and booleans, or say why not", () => {
  assert.equal(evaluate("1 + 1", "string"), "2");
  assert.equal(evaluate("2.5", "string"), "2.5");
  assert.equal(evaluate("true", "string"), "true");
  assert.equal(evaluate("now", "string"), "2026-01-02T03:04:05Z");
  assert.equal(evaluate("duration('90s')", "string"), "90s");
  assert.equal(evaluate("caller.claims.level", "string"), "3");
  assert.equal(evaluate("9007199254740991", "number"), 9007199254740991);
  assert.equal(evaluate("caller.claims.level", "number"), 3);
  const fails = (source: string, type: ResultType): void => {
    const compiled = compileExpression(source, type, clock);
    assert.throws(() => compiled.evaluate?.(exchange()), Fault, source);
  };
  fails("9007199254740993", "number");
  fails("caller.claims.roles", "string");
  fails("caller.claims.roles", "boolean");
  fails("variables.text", "number");
  fails("request.headers[?'nope']", "string");
});

test("an absent header or claim is a fault, not an empty string", () => {
  assert.match(failure("request.headers['nope']"), /No such key: nope/);
  assert.match(failure("caller.claims.nope"), /No such key/);
});

test("nothing of JavaScript's own shows through", () => {
  for (const source of [
    "request.constructor",
    "request['constructor']",
    "request.__proto__",
    "caller.toString",
    "this",
    "globalThis",
    "process",
    "constructor",
    "request.method.constructor",
    "request.method.length",
    "[1].constructor",
    "request.headers.get('x')",
    "now.getTime()",
    "request.hasOwnProperty('method')",
    "api.x",
  ])
    mistake(source);
  const x = testExchange({
    caller: callerOf({ kind: "jwt", claims: JSON.parse('{"__proto__": {"polluted": 1}, "o": {}}') }),
    variables: { list: [1], date: new Date(0), fn: () => 1, promise: Promise.resolve(1) },
  });
  for (const source of [
    "caller.claims['constructor']",
    "caller.claims.o.constructor",
    "caller.claims.o['__proto__']",
    "caller.claims.o.hasOwnProperty",
    "request.headers['constructor']",
    "request.headers['__proto__']",
    "request.params['constructor']",
    "request.query['__proto__']",
    "variables['constructor']",
    "variables.list['constructor']",
    "variables.list.map",
    "variables.fn",
    "variables.promise",
    "variables.date.constructor",
    "variables.date['getTime']",
    "now['constructor']",
    "now.toISOString",
    "google['constructor']",
  ])
    failure(source, x);
  assert.equal(evaluate("{'__proto__': 1, 'a': 2}.a"), 2n);
  assert.equal(Reflect.get({}, "polluted"), undefined);
});

test("a view of the exchange cannot be changed, and no expression has an effect", () => {
  const x = exchange();
  const before = JSON.stringify([x.request.headers.entries(), [...x.variables], x.request.upstreamPath]);
  evaluate("request.headers.map(n, n).filter(n, n != '') + ['x']", "any", x);
  assert.equal(JSON.stringify([x.request.headers.entries(), [...x.variables], x.request.upstreamPath]), before);
});

test("source, tree and literals are bounded", () => {
  assert.match(mistake(`'${"a".repeat(expressionLimits.sourceCharactersMax)}'`), /at most/);
  assert.match(mistake(`${"(".repeat(100)}1${")".repeat(100)}`), /maxDepth/);
  assert.match(mistake(`[${"1,".repeat(expressionLimits.listLiteralElementsMax)}1]`), /maxListElements/);
  assert.match(mistake(Array.from({ length: 600 }, () => "1").join("+")), /maxAstNodes/);
});

test("loops, doubled strings and grown lists end early", () => {
  const many = Array.from({ length: 1000 }, (_, i) => `r${i}`);
  const x = testExchange({
    headers: { long: "a".repeat(60_000) },
    caller: callerOf({ kind: "jwt", claims: { many, nested: { many } } }),
  });
  const timed = (source: string, message: RegExp): void => {
    const start = performance.now();
    assert.match(failure(source, x), message, source);
    assert.ok(performance.now() - start < 500, `${source} took ${performance.now() - start} ms`);
  };
  timed("caller.claims.many.all(a, caller.claims.many.all(b, caller.claims.many.all(c, a != 'x')))", /steps/);
  timed("caller.claims.many.exists(a, caller.claims.many.exists(b, a == b + 'x')) || true", /steps/);
  timed("caller.claims.many.map(a, caller.claims).all(m, m == caller.claims)", /steps/);
  timed("caller.claims.many.all(a, !(a in [1]) && !('x' in caller.claims.many))", /steps/);
  timed(
    `${Array.from(
      { length: 8 },
      (_, i) =>
        `cel.bind(v${i}, ${
          i === 0
            ? "'aaaa'"
            : Array(4)
                .fill(`v${i - 1}`)
                .join("+")
        }, `,
    ).join("")}v7 + v7${")".repeat(8)}`,
    /longer than|steps/,
  );
  timed("caller.claims.many.map(m, request.headers.long).join(',')", /longer than/);
  timed("request.headers.long.split('')", /longer than/);
  timed(
    `cel.bind(a, caller.claims.many + caller.claims.many, cel.bind(b, a + a + a, cel.bind(c, b + b, c)))`,
    /longer than|steps/,
  );
});

test("a pattern that makes backtracking engines explode is linear here", () => {
  const x = testExchange({ headers: { evil: `${"a".repeat(5000)}!` } });
  const start = performance.now();
  assert.equal(evaluate("request.headers.evil.matches('^(a+)+$')", "boolean", x), false);
  assert.equal(evaluate("request.headers.evil.matches('^(a|aa)+$')", "boolean", x), false);
  assert.ok(performance.now() - start < 500);
  assert.equal(evaluate("'v12'.matches('^v[0-9]+$')"), true);
  assert.match(failure("'a'.matches(variables.text + '(')"), /expression/);
});

test("any text either compiles, or is a mistake with a place inside it", () => {
  const piece = fc.constantFrom(
    "request",
    ".",
    "headers",
    "[",
    "]",
    "'x'",
    "(",
    ")",
    "==",
    "&&",
    "1",
    "?",
    ":",
    "in",
    " ",
    "\n",
    "b''",
    "=",
    "é",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const source = pieces.join("");
      const compiled = compileExpression(source, "any", clock);
      if (compiled.mistake === undefined) return;
      assert.ok(compiled.line >= 1 && compiled.line <= source.split("\n").length, source);
    }),
    { interruptAfterTimeLimit: 3000, numRuns: 3000 },
  );
});

const posted = (body: string): Exchange => testExchange({ body, reply: { body: '{"id":7}' } });

test("bodies as text and as JSON, and the compiler knows that they must be read", () => {
  const x = posted('{"title":"Émile","n":1,"tags":["a"],"deep":{"f":1.5}}');
  const table: readonly (readonly [string, unknown])[] = [
    ["request.body.startsWith('{')", true],
    ["request.json.title", "Émile"],
    ["request.json.n + 1", 2n],
    ["request.json.deep.f * 2.0", 3],
    ["'a' in request.json.tags", true],
    ["has(request.json.none)", false],
    ['request["json"].n', 1n],
    ["response.json.id == 7", true],
    ["size(response.body)", 8n],
  ];
  for (const [source, want] of table) assert.deepEqual(evaluate(source, "any", x), want, source);
  const readsOf = (source: string): readonly string[] | undefined => compileExpression(source, "any").reads;
  assert.deepEqual(readsOf("request.path"), []);
  assert.deepEqual(readsOf("has(request.json.a) || response.body == ''"), ["request", "response"]);
  assert.deepEqual(readsOf("[1].exists(n, request['body'] == 'a')"), ["request"]);
});

test("a body that is no JSON is a fault of the expression, an empty one is null", () => {
  assert.match(failure("request.json.a", posted("{")), /JSON/);
  assert.equal(evaluate("request.json", "any", testExchange()), null);
  assert.equal(evaluate("response.json == null && response.body == ''", "any", testExchange()), true);
});

test("names of a body reach no prototype", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"])
    failure(`request.json.${name}`, posted("{}"));
  assert.equal(evaluate("request.json['__proto__'].a", "any", posted('{"__proto__":{"a":1}}')), 1n);
});
