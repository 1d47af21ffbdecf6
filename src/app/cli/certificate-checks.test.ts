import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateChecks } from "./certificate-checks.ts";

test("a certificate that cannot be used or has ended fails, one that ends soon warns", () => {
  const nowMs = Date.parse("2026-01-01T00:00:00Z");
  const one = (name: string, status: object) => ({ name, status: { problems: [], isUsable: true, ...status } });
  const checks = certificateChecks(
    {
      items: [
        one("good", { notAfter: "2026-06-01T00:00:00Z" }),
        one("soon", { notAfter: "2026-01-10T00:00:00Z" }),
        one("over", { notAfter: "2025-12-01T00:00:00Z" }),
        one("unusable", { isUsable: false, problems: ["The private key is not set."] }),
        { name: "odd" },
      ],
    },
    nowMs,
  );
  assert.deepEqual(
    checks.map((check) => check.state),
    ["ok", "warning", "failure", "failure", "failure"],
  );
  assert.equal(checks[3]?.message, "The private key is not set.");
});
