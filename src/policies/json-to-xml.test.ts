import assert from "node:assert/strict";
import { test } from "node:test";
import { testExchange, textOf } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { jsonToXml } from "./json-to-xml.ts";

const always = { apply: "always", "consider-accept-header": false };
const head = '<?xml version="1.0" encoding="utf-8"?>';

const xmlOf = async (value: unknown, config: object = {}): Promise<string> => {
  const x = testExchange({ reply: { body: JSON.stringify(value) } });
  await buildPolicy(jsonToXml, { ...always, ...config }, testTools({ section: "outbound" })).step(x);
  assert.equal(x.reply?.headers.get("content-type"), "application/xml; charset=utf-8");
  return (await textOf(x.reply?.body.content ?? null)).replace(head, "");
};

test("objects, lists, nulls and texts become elements below Document", async () => {
  assert.equal(
    await xmlOf({ name: "a<b&c", n: 25, ok: true, list: [{ t: 1 }, { t: 2 }], none: [], gone: null }),
    '<Document><name>a&lt;b&amp;c</name><n>25</n><ok>true</ok><list><t>1</t></list><list><t>2</t></list><none /><gone xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" /></Document>',
  );
  assert.equal(await xmlOf({ order: { id: 1 } }), "<order><id>1</id></order>");
  assert.equal(
    await xmlOf([1, [2, 3]]),
    "<Document>1</Document><Document><Document>2</Document><Document>3</Document></Document>",
  );
  assert.equal(await xmlOf("x"), "<Document>x</Document>");
});

test("the catalogue's example: prefixes, declarations and attributes", async () => {
  const value = {
    "soapenv:Envelope": {
      "xmlns:soapenv": "http://schemas.xmlsoap.org/soap/envelope/",
      "xmlns:v1": "http://localdomain.com/core/v1",
      "soapenv:Header": {},
      "soapenv:Body": { "v1:QueryList": { "#attrs": { queryName: "test" }, "v1:QueryItem": { name: "dummy text" } } },
    },
  };
  const config = {
    "parse-date": false,
    "namespace-separator": ":",
    "namespace-prefix": "xmlns",
    "attribute-block-name": "#attrs",
  };
  assert.equal(
    await xmlOf(value, config),
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v1="http://localdomain.com/core/v1"><soapenv:Header /><soapenv:Body><v1:QueryList queryName="test"><v1:QueryItem><name>dummy text</name></v1:QueryItem></v1:QueryList></soapenv:Body></soapenv:Envelope>',
  );
});

test("an underscore is part of a name unless what precedes it is a declared prefix", async () => {
  assert.equal(await xmlOf({ first_name: "a" }), "<Document><first_name>a</first_name></Document>");
  assert.equal(
    await xmlOf({ p_root: { xmlns_p: "urn:p", p_a: 1 } }, { "namespace-prefix": "xmlns" }),
    '<p:root xmlns:p="urn:p"><p:a>1</p:a></p:root>',
  );
});

test("names that XML does not have are coded, and nothing breaks out of a tag", async () => {
  assert.equal(
    await xmlOf({ "a b": 1, "1x": 2, "": 3 }),
    "<Document><a_x0020_b>1</a_x0020_b><_x0031_x>2</_x0031_x><_>3</_></Document>",
  );
  assert.doesNotMatch(await xmlOf({ 'x><script y="': 1 }), /<script/);
  assert.equal(await xmlOf({ d: { "@": { a: '"<' } } }, { "attribute-block-name": "@" }), '<d a="&quot;&lt;" />');
});

test("dates are written in one form unless they are to be copied", async () => {
  assert.equal(await xmlOf({ at: "2026-01-02T03:04:05+02:00" }), "<Document><at>2026-01-02T01:04:05Z</at></Document>");
  assert.match(await xmlOf({ at: "2026-01-02T03:04:05+02:00" }, { "parse-date": false }), /03:04:05\+02:00/);
});

test("only where Content-Type and Accept say so", async () => {
  const run = async (config: object, contentType: string, accept: string): Promise<boolean> => {
    const x = testExchange({ headers: { accept }, reply: { body: "{}", headers: { "content-type": contentType } } });
    await buildPolicy(jsonToXml, config, testTools({ section: "outbound" })).step(x);
    return x.reply?.body.isReplaced === true;
  };
  assert.equal(await run({ apply: "always" }, "text/plain", "application/xml"), true);
  assert.equal(await run({ apply: "always" }, "text/plain", "application/json, text/xml;q=0"), false);
  assert.equal(await run({ apply: "content-type-json" }, "text/plain", "text/xml"), false);
  assert.equal(await run({ apply: "content-type-json" }, "application/problem+json", "text/xml"), true);
});

test("what is no JSON is the sender's mistake: 400 for a request, 502 for a reply", async () => {
  const step = buildPolicy(jsonToXml, always, testTools()).step;
  await assert.rejects(async () => step(testExchange({ body: "{" })), { code: "request.body_invalid" });
  const outbound = buildPolicy(jsonToXml, always, testTools({ section: "outbound" })).step;
  await assert.rejects(async () => outbound(testExchange({ reply: { body: "{" } })), { code: "backend.reply_invalid" });
});

test("mistakes are named with their path", () => {
  assert.equal(mistakesOf(jsonToXml, {})[0]?.path, ".apply");
  assert.match(mistakesOf(jsonToXml, { apply: "never" })[0]?.message ?? "", /one of always/);
});
