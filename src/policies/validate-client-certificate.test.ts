import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { testAuthority, testCertificate } from "../base/testing-certificates.ts";
import { clientCertificateOf, thumbprintOf } from "../exchange/client-certificate.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { validateClientCertificate } from "./validate-client-certificate.ts";

// The clock of tests stands in 2025.
const span = { notBefore: new Date("2020-01-01"), notAfter: new Date("2060-01-01") };
const authority = await testAuthority("Acme Services");
const issued = await testCertificate("orders", {
  issuer: authority,
  organization: "Acme",
  names: ["orders.acme.example"],
  ...span,
});
const later = await testCertificate("later", {
  issuer: authority,
  notBefore: new Date("2059-01-01"),
  notAfter: new Date("2060-01-01"),
});
const past = await testCertificate("past", {
  issuer: authority,
  notBefore: new Date("2000-01-01"),
  notAfter: new Date("2001-01-01"),
});
const authorities = [new X509Certificate(authority.certificate)];
const shown = (pem: string, verifyError = "") =>
  clientCertificateOf({ certificate: new X509Certificate(pem), verifyError, authorities });
const good = shown(issued.certificate);

const run = (
  config: unknown,
  clientCertificate: ReturnType<typeof shown> | null,
  headers: Record<string, string> = {},
) => {
  const x = testExchange({ clientCertificate, headers, scheme: "https", isRecorded: true });
  const reply = buildPolicy(validateClientCertificate, config).step(x);
  assert.ok(!(reply instanceof Promise));
  return { code: reply ? reply.problem?.code : undefined, status: reply ? reply.status : 0, x };
};

describe("403", () => {
  test("no certificate", () => {
    assert.deepEqual(run({}, null).code, "caller.certificate_missing");
    assert.equal(run({}, null).status, 403);
  });
  const rows = [
    ["not trusted", {}, shown(issued.certificate, "UNABLE_TO_VERIFY_LEAF_SIGNATURE")],
    ["revoked", { "validate-trust": false }, shown(issued.certificate, "CERT_REVOKED")],
    ["not yet valid", { "validate-trust": false }, shown(later.certificate)],
    ["expired since the handshake", {}, shown(past.certificate)],
    ["another thumbprint", { identities: { thumbprint: "00".repeat(20) } }, good],
    ["one of two attributes is another", { identities: [{ "common-name": "orders", "dns-name": "other" }] }, good],
    ["another issuer", { identities: [{ "issuer-subject": "CN=Other" }] }, good],
    ["another serial number", { identities: [{ "serial-number": "01" }] }, good],
  ] as const;
  for (const [what, config, certificate] of rows)
    test(what, () => assert.equal(run(config, certificate).code, "caller.certificate_refused"));
});

describe("passes", () => {
  const leaf = new X509Certificate(issued.certificate);
  const issuer = new X509Certificate(authority.certificate);
  const rows: readonly (readonly [string, unknown, ReturnType<typeof shown> | null])[] = [
    ["any trusted one", {}, good],
    [
      "an untrusted one where told",
      { "validate-trust": false },
      shown(issued.certificate, "DEPTH_ZERO_SELF_SIGNED_CERT"),
    ],
    ["one out of its time where told", { "validate-not-after": false }, shown(past.certificate)],
    ["none where errors are ignored", { "ignore-error": true }, null],
    ["SHA-1 with colons", { identities: { thumbprint: leaf.fingerprint } }, good],
    ["SHA-256 in lower case", { identities: { thumbprint: thumbprintOf(leaf, "sha256").toLowerCase() } }, good],
    ["serial number", { identities: { "serial-number": `00${leaf.serialNumber}` } }, good],
    ["subject", { identities: { subject: "CN=orders,O=Acme" } }, good],
    ["DNS name", { identities: { "dns-name": "Orders.Acme.example" } }, good],
    ["issuer by name", { identities: { "issuer-subject": "CN=Acme Services" } }, good],
    ["issuer by thumbprint", { identities: { "issuer-thumbprint": thumbprintOf(issuer, "sha1") } }, good],
    ["issuer by certificate", { identities: { "issuer-certificate-id": authority.certificate } }, good],
    ["the second of two", { identities: [{ "common-name": "billing" }, { "common-name": "orders" }] }, good],
  ];
  for (const [what, config, certificate] of rows)
    test(what, () => assert.equal(run(config, certificate).code, undefined));
});

test("forward: the backend gets Client-Cert of RFC 9440, and never what the client sent under that name", () => {
  const { x } = run({ forward: true }, good, { "client-cert": ":AAAA:" });
  const sent = x.request.headers.get("client-cert") ?? "";
  assert.equal(new X509Certificate(Buffer.from(sent.slice(1, -1), "base64")).subject, "CN=orders\nO=Acme");
  assert.equal(
    run({ forward: true, "ignore-error": true }, null, { "client-cert": ":AAAA:" }).x.request.headers.get(
      "client-cert",
    ),
    undefined,
  );
});

test("why is recorded, not told", () => {
  const { x } = run({ identities: { "common-name": "billing" } }, good);
  assert.deepEqual(x.notes, [{ name: "certificate", value: "none of the identities" }]);
});

test("mistakes are named with their path", () => {
  const rows = [
    [{ identities: [{}] }, ".identities[0]"],
    [{ identities: [] }, ".identities"],
    [{ identities: [{ thumbprint: "abc" }] }, ".identities[0].thumbprint"],
    [{ identities: [{ "issuer-certificate-id": "nonsense" }] }, ".identities[0].issuer-certificate-id"],
    [{ identities: [{ name: "x" }] }, ".identities[0]"],
  ] as const;
  for (const [config, path] of rows)
    assert.match(
      JSON.stringify(mistakesOf(validateClientCertificate, config)),
      new RegExp(path.replace(/[.[\]]/g, "\\$&")),
      path,
    );
});

test("an alternative name cannot be forged by its text", async () => {
  const one = await testCertificate("a", { names: ["a.example", "b.example", "127.0.0.1"] });
  assert.deepEqual(shown(one.certificate).alternativeNames, ["DNS:a.example", "DNS:b.example", "IP Address:127.0.0.1"]);
});
