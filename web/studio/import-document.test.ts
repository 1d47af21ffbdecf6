import assert from "node:assert/strict";
import { test } from "node:test";
import { base64Of, emptyForm, importBody, pastedName, protectOf, sizeText } from "./import-document.ts";

test("what is left empty is not sent: the platform decides it", () => {
  const source = { fileName: "openapi.yaml", contentBase64: "" };
  assert.deepEqual(importBody(source, { ...emptyForm, name: "  " }, true), { document: source, dryRun: true });
  assert.deepEqual(importBody(source, { name: " a ", path: "/a", protect: "none", backend: "mock" }, false), {
    document: source,
    dryRun: false,
    name: "a",
    path: "/a",
    protect: "none",
    backend: "mock",
  });
});

test("bytes come back from base64 as they were, also more than one call may take as arguments", () => {
  for (const length of [0, 1, 0x8000, 0x8001, 300_000]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) % 256);
    assert.deepEqual(Uint8Array.from(Buffer.from(base64Of(bytes), "base64")), bytes);
  }
});

test("a pasted text is named for what it looks like", () => {
  assert.equal(pastedName('  {"openapi": "3.1.0"}'), "openapi.json");
  assert.equal(pastedName("openapi: 3.1.0"), "openapi.yaml");
});

test("a protection that is none of ours is left to the platform", () => {
  assert.equal(protectOf("jwt"), "jwt");
  assert.equal(protectOf("anything"), "");
});

test("sizes are told in the unit that people use for them", () => {
  assert.deepEqual([512, 2048, 4 * 1024 * 1024].map(sizeText), ["512 B", "2 KB", "4.0 MB"]);
});
