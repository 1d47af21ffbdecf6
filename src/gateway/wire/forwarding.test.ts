import assert from "node:assert/strict";
import { test } from "node:test";
import { clientBehind, forwardedElement, trustList } from "./forwarding.ts";

test("the client is the last address that no trusted proxy has", () => {
  const isTrusted = trustList(["10.0.0.0/8", "fd00::/8", "192.0.2.1"]);
  const from = (...fields: readonly string[]): string => clientBehind("10.0.0.1", fields, isTrusted);
  assert.equal(from(), "10.0.0.1");
  assert.equal(from("1.1.1.1, 2.2.2.2, 10.2.3.4"), "2.2.2.2");
  assert.equal(from("1.1.1.1", "192.0.2.1"), "1.1.1.1");
  assert.equal(from("10.9.9.9"), "10.9.9.9");
  assert.equal(from("1.1.1.1, [fd00::1]:80, 10.1.1.1:99"), "1.1.1.1");
  assert.equal(from("6.6.6.6, nonsense"), "10.0.0.1");
});

test("a mistyped network is refused where it is configured", () => {
  for (const bad of ["10.0.0", "a.b", "10.0.0.0/99", ""]) assert.throws(() => trustList([bad]));
});

test("Forwarded quotes IPv6 addresses and ports", () => {
  assert.equal(forwardedElement("::1", "a:80", "http"), 'for="[::1]";host="a:80";proto=http');
  assert.equal(forwardedElement("1.2.3.4", "", "https"), "for=1.2.3.4;proto=https");
});
