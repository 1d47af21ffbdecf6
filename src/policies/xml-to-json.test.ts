import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange, textOf } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { xmlToJson } from "./xml-to-json.ts";

const jsonOf = async (xml: string, config: object = {}): Promise<unknown> => {
  const x = testExchange({ reply: { body: xml, headers: { "content-type": "text/xml" } } });
  const whole = { kind: "direct", apply: "always", "consider-accept-header": false, ...config };
  await buildPolicy(xmlToJson, whole, testTools({ section: "outbound" })).step(x);
  assert.equal(x.reply?.headers.get("content-type"), "application/json");
  return JSON.parse(await textOf(x.reply?.body.content ?? null));
};

test("direct keeps prefixes and attributes", async () => {
  assert.deepEqual(
    await jsonOf(
      '<?xml version="1.0"?><soap:Envelope xmlns="http://a/" xmlns:soap="http://s/"><soap:Body><Get><Customer>12</Customer></Get></soap:Body></soap:Envelope>',
    ),
    { soap$Envelope: { "@xmlns": "http://a/", "@xmlns$soap": "http://s/", soap$Body: { Get: { Customer: "12" } } } },
  );
});

test("javascript-friendly leaves namespaces out", async () => {
  const xml = '<p:o xmlns:p="urn:p" id="7"><p:i>1</p:i><p:i a="b">2</p:i><e/></p:o>';
  assert.deepEqual(await jsonOf(xml, { kind: "javascript-friendly" }), {
    o: { id: "7", i: ["1", { a: "b", "#text": "2" }], e: "" },
  });
});

test("text, CDATA, entities of XML, nil, and lists where asked", async () => {
  assert.deepEqual(await jsonOf("<a>x &amp; &#233;<![CDATA[<y>]]></a>"), { a: "x & é<y>" });
  const nil = '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><b xsi:nil="true"/></a>';
  assert.deepEqual(await jsonOf(nil, { kind: "javascript-friendly" }), { a: { b: null } });
  assert.deepEqual(await jsonOf("<a><b>1</b></a>", { "always-array-child-elements": true }), { a: [{ b: ["1"] }] });
});

test("names are data, never a prototype", async () => {
  const value = await jsonOf("<a><__proto__><x>1</x></__proto__><constructor>2</constructor></a>");
  assert.equal(JSON.stringify(value), '{"a":{"__proto__":{"x":"1"},"constructor":"2"}}');
  assert.equal(Reflect.get({}, "x"), undefined);
});

test("what is not well formed, deeply nested or declares entities is refused", async () => {
  const step = buildPolicy(
    xmlToJson,
    { kind: "direct", apply: "always", "consider-accept-header": false },
    testTools(),
  ).step;
  for (const body of [
    "<a>",
    "<a></b>",
    "text",
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "<a>&x;</a>",
    `${"<a>".repeat(300)}${"</a>".repeat(300)}`,
  ])
    await assert.rejects(async () => step(testExchange({ body })), { code: "request.body_invalid" }, body.slice(0, 40));
});

test("only where Content-Type and Accept say so", async () => {
  const run = async (config: object, contentType: string, accept: string): Promise<boolean> => {
    const x = testExchange({ headers: { accept }, reply: { body: "<a/>", headers: { "content-type": contentType } } });
    await buildPolicy(xmlToJson, { kind: "direct", ...config }, testTools({ section: "outbound" })).step(x);
    return x.reply?.body.isReplaced === true;
  };
  assert.equal(await run({ apply: "always" }, "text/plain", "application/json"), true);
  assert.equal(await run({ apply: "always" }, "text/plain", "text/html"), false);
  assert.equal(await run({ apply: "content-type-xml" }, "text/plain", "application/json"), false);
  assert.equal(await run({ apply: "content-type-xml" }, "application/soap+xml", "application/json"), true);
});

test("mistakes are named with their path", () => {
  assert.deepEqual(
    mistakesOf(xmlToJson, {}).map(({ path }) => path),
    [".kind", ".apply"],
  );
  assert.match(
    mistakesOf(xmlToJson, { kind: "nice", apply: "always" })[0]?.message ?? "",
    /one of javascript-friendly/,
  );
});
