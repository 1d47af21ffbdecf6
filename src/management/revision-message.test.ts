import assert from "node:assert/strict";
import { test } from "node:test";
import { revisionMessage } from "./revision-message.ts";

const id = "01a21d47-3d6b-7778-bec8-50c76d566e0b";

test("a revision without a message is told by what it touched, by names rather than ids", () => {
  assert.equal(revisionMessage([]), undefined);
  assert.equal(
    revisionMessage([
      { target: "api/orders", after: {} },
      { target: "product/gold", before: {}, after: {} },
      { target: "backend/old", before: {} },
    ]),
    "create api orders, update product gold, delete backend old",
  );
  assert.equal(
    revisionMessage([
      { target: "named-value/token", after: {} },
      { target: "named-value/token/value", after: {} },
    ]),
    "create named-value token",
  );
  assert.equal(
    revisionMessage([
      { target: `application/${id}`, after: { name: "robot" } },
      { target: `subscription/${id}`, after: {} },
      { target: `key/${id}`, after: { prefix: "ptk_0qUeAryk" } },
      { target: "organization/acme", after: { name: "acme" } },
    ]),
    "create application robot, create subscription, create key ptk_0qUeAryk and 1 more",
  );
});
