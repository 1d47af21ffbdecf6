import assert from "node:assert/strict";
import { after, test } from "node:test";
import { testExchange, textOf } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { xslTransformer } from "../exchange/xsl-transformer.ts";
import { xslTransform } from "./xsl-transform.ts";

const sheet = (body: string): string =>
  `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">${body}</xsl:stylesheet>`;

// One thread for the file, as one gateway thread has one.
const transformer = xslTransformer();
after(() => transformer.dispose());
const tools = (section: "inbound" | "outbound" = "outbound") => ({
  ...testTools({ section }),
  shared: () => transformer as never,
});

const transformed = async (config: unknown, body = "<a><b>2</b><b>1</b></a>"): Promise<string> => {
  const x = testExchange({ path: "/?who=O'Neil%20%22x%22", reply: { body } });
  await buildPolicy(xslTransform, config, tools()).step(x);
  return `${x.reply?.headers.get("content-type")} ${await textOf(x.reply?.body.content ?? null)}`;
};

test("templates, sorting and parameters", async () => {
  const stylesheet = sheet(
    '<xsl:output omit-xml-declaration="yes"/><xsl:param name="who"/><xsl:template match="/"><o who="{$who}"><xsl:for-each select="//b"><xsl:sort select="."/><c><xsl:value-of select="."/></c></xsl:for-each></o></xsl:template>',
  );
  assert.equal(
    (await transformed({ stylesheet, parameter: { name: "who", value: "=request.query.who" } })).trim(),
    'application/xml; charset=utf-8 <o who="O\'Neil &quot;x&quot;"><c>1</c><c>2</c></o>',
  );
});

test("the output method decides the media type", async () => {
  const text = sheet(
    '<xsl:output method="text"/><xsl:template match="/">é <xsl:value-of select="count(//b)"/></xsl:template>',
  );
  assert.equal(await transformed(text), "text/plain; charset=utf-8 é 2");
});

test("no file is read", async () => {
  const stylesheet = sheet(
    `<xsl:template match="/"><o><xsl:copy-of select="document('file:///etc/passwd')"/></o></xsl:template>`,
  );
  assert.doesNotMatch(await transformed(stylesheet), /root/);
});

test("a stylesheet that does not end costs its call, and the next one works", async () => {
  const endless = sheet(
    '<xsl:template match="/"><xsl:call-template name="r"/></xsl:template><xsl:template name="r"><xsl:call-template name="r"/></xsl:template>',
  );
  await assert.rejects(transformed(endless), { code: "policy.fault" });
  const slow = sheet(
    '<xsl:template match="/"><xsl:for-each select="//b"><xsl:for-each select="//b"><xsl:for-each select="//b"><xsl:value-of select="count(//b)"/></xsl:for-each></xsl:for-each></xsl:for-each></xsl:template>',
  );
  await assert.rejects(transformed(slow, `<a>${"<b/>".repeat(2_000)}</a>`), { code: "policy.fault" });
  assert.match(await transformed(sheet('<xsl:template match="/"><o/></xsl:template>')), /<o\/>/);
});

test("what is no XML is the sender's mistake", async () => {
  const ok = sheet('<xsl:template match="/"><o/></xsl:template>');
  await assert.rejects(transformed(ok, "<a>"), { code: "backend.reply_invalid" });
  await assert.rejects(transformed(ok, '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'), { code: "backend.reply_invalid" });
  const step = buildPolicy(xslTransform, ok, tools("inbound")).step;
  await assert.rejects(async () => step(testExchange({ body: "<a>" })), { code: "request.body_invalid" });
});

test("mistakes are named with their path", () => {
  for (const [stylesheet, message] of [
    ["<a>", /not well-formed/],
    ["<a/>", /no <xsl:stylesheet>/],
    [`<!DOCTYPE a>${sheet("")}`, /type declaration/],
  ] as const) {
    const [first] = mistakesOf(xslTransform, { stylesheet });
    assert.equal(first?.path, ".stylesheet");
    assert.match(first.message, message);
  }
  assert.match(
    mistakesOf(xslTransform, { stylesheet: sheet(""), parameter: { name: "a b", value: 1 } })[0]?.path ?? "",
    /^\.parameter/,
  );
});
