import assert from "node:assert/strict";
import { test } from "node:test";
import { parameterValue, rawQuery } from "./parameter-values.ts";
import { testContract } from "./testing-contract.ts";
import { testExchange } from "./testing-exchange.ts";

const list = { type: "array", items: { type: "string" } };
const numbers = { type: "array", items: { type: "integer" } };
const rgb = { type: "object", properties: { R: { type: "integer" }, G: { type: "integer" }, B: { type: "integer" } } };
const text = { type: "string" };

const read = (
  parameter: Record<string, unknown>,
  wire: { path?: string; query?: string; header?: string; cookie?: string },
) => {
  const contract = testContract({
    "/c/{id}": {
      get: {
        operationId: "c",
        parameters: [{ name: "color", schema: text, ...parameter }],
        responses: { 200: { description: "ok" } },
      },
    },
  });
  const name = String(parameter.name ?? "color");
  const one = contract.operations.c?.parameters.find(
    (candidate) => candidate.name === name && candidate.in === parameter.in,
  );
  assert.ok(one);
  const x = testExchange({
    path: `/c/${wire.path ?? "x"}${wire.query === undefined ? "" : `?${wire.query}`}`,
    route: { pathTemplate: `/c/{${name}}` },
    params: { [name]: decodeURIComponent(wire.path ?? "x") },
    headers: {
      ...(wire.header === undefined ? {} : { [name]: wire.header }),
      ...(wire.cookie === undefined ? {} : { cookie: wire.cookie }),
    },
  });
  const found = parameterValue(one, x, rawQuery(wire.query ?? ""));
  return found.state === "value" ? found.value : found.state;
};

const colors = ["blue", "black", "brown"];
const object = { R: 100, G: 200, B: 150 };

test("every style of OpenAPI's table is read, exploded and not", () => {
  const table: readonly (readonly [Record<string, unknown>, Parameters<typeof read>[1], unknown])[] = [
    [{ in: "path", name: "id", style: "matrix" }, { path: ";id=blue" }, "blue"],
    [{ in: "path", name: "id", style: "matrix", schema: list }, { path: ";id=blue,black,brown" }, colors],
    [
      { in: "path", name: "id", style: "matrix", explode: true, schema: list },
      { path: ";id=blue;id=black;id=brown" },
      colors,
    ],
    [{ in: "path", name: "id", style: "matrix", schema: rgb }, { path: ";id=R,100,G,200,B,150" }, object],
    [{ in: "path", name: "id", style: "matrix", explode: true, schema: rgb }, { path: ";R=100;G=200;B=150" }, object],
    [{ in: "path", name: "id", style: "label" }, { path: ".blue" }, "blue"],
    [{ in: "path", name: "id", style: "label", schema: list }, { path: ".blue,black,brown" }, colors],
    [{ in: "path", name: "id", style: "label", explode: true, schema: list }, { path: ".blue.black.brown" }, colors],
    [{ in: "path", name: "id", style: "label", schema: rgb }, { path: ".R,100,G,200,B,150" }, object],
    [{ in: "path", name: "id", style: "label", explode: true, schema: rgb }, { path: ".R=100.G=200.B=150" }, object],
    [{ in: "path", name: "id" }, { path: "a%2Cb" }, "a,b"],
    [{ in: "path", name: "id", schema: list }, { path: "blue,bl%2Cack,brown" }, ["blue", "bl,ack", "brown"]],
    [{ in: "path", name: "id", schema: rgb }, { path: "R,100,G,200,B,150" }, object],
    [{ in: "path", name: "id", explode: true, schema: rgb }, { path: "R=100,G=200,B=150" }, object],
    [{ in: "path", name: "id", schema: { type: "integer" } }, { path: "7" }, 7],
    [{ in: "query" }, { query: "color=b%20l+ue" }, "b l ue"],
    [{ in: "query" }, { query: "other=1" }, "absent"],
    [{ in: "query", schema: list }, { query: "color=blue&color=black&color=brown" }, colors],
    [{ in: "query", explode: false, schema: list }, { query: "color=blue,black,brown" }, colors],
    [{ in: "query", schema: rgb }, { query: "R=100&G=200&B=150&x=1" }, object],
    [{ in: "query", explode: false, schema: rgb }, { query: "color=R,100,G,200,B,150" }, object],
    [
      { in: "query", style: "spaceDelimited", explode: false, schema: list },
      { query: "color=blue%20black%20brown" },
      colors,
    ],
    [
      { in: "query", style: "pipeDelimited", explode: false, schema: list },
      { query: "color=blue%7Cblack|brown" },
      colors,
    ],
    [
      { in: "query", style: "deepObject", explode: true, schema: rgb },
      { query: "color[R]=100&color%5BG%5D=200&color[B]=150" },
      object,
    ],
    [{ in: "query", style: "deepObject", schema: rgb }, { query: "color[R][x]=1" }, "malformed"],
    [{ in: "query", schema: { type: "boolean" } }, { query: "color=true" }, true],
    [{ in: "query", schema: { type: "integer" } }, { query: "color=0x10" }, "0x10"],
    [{ in: "query", schema: { type: "integer" } }, { query: "color=1&color=2" }, "malformed"],
    [{ in: "query", schema: numbers }, { query: "color=1&color=x" }, [1, "x"]],
    [
      { in: "query", schema: undefined, content: { "application/json": { schema: rgb } } },
      { query: "color=%7B%22R%22:1%7D" },
      { R: 1 },
    ],
    [
      { in: "query", schema: undefined, content: { "application/json": { schema: rgb } } },
      { query: "color=%7B" },
      "malformed",
    ],
    [{ in: "header", name: "x-color", schema: list }, { header: "blue, black,brown" }, colors],
    [{ in: "header", name: "x-color", schema: rgb }, { header: "R,100,G,200,B,150" }, object],
    [{ in: "header", name: "x-color", explode: true, schema: rgb }, { header: "R=100,G=200,B=150" }, object],
    [{ in: "header", name: "x-color" }, { header: "a, b" }, "a, b"],
    [{ in: "cookie" }, { cookie: "a=1; color=blue" }, "blue"],
    [{ in: "cookie", explode: false, schema: numbers }, { cookie: "color=1,2" }, [1, 2]],
    [{ in: "cookie" }, { cookie: "a=1" }, "absent"],
  ];
  for (const [parameter, wire, want] of table) {
    const required = parameter.in === "path" ? { required: true } : {};
    const got = read({ ...required, ...parameter }, wire);
    assert.deepEqual(
      got !== null && typeof got === "object" && !Array.isArray(got) ? { ...got } : got,
      want,
      JSON.stringify([parameter, wire]),
    );
  }
});

test("a name from the wire never reaches a prototype", () => {
  const value = read(
    { in: "query", style: "deepObject", schema: { type: "object" } },
    { query: "color[__proto__]=1&color[a]=2" },
  );
  assert.deepEqual(Object.keys(value as object), ["__proto__", "a"]);
});
