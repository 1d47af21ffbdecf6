import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Resource, resourceKey } from "../model/resource.ts";
import { diffResources, ownerOfBundle, type PlanOptions } from "./diff-resources.ts";
import { readBundle } from "./read-bundle.ts";
import { fixture } from "./testing-bundles.ts";
import { writeBundle } from "./write-bundle.ts";

const product = (name: string, title: string, source?: string): Resource => ({
  kind: "product",
  name,
  body: { title, apis: [], plans: { free: {} } },
  ...(source === undefined ? {} : { source }),
});
const owned = (owners: Readonly<Record<string, string>>, options: Partial<PlanOptions> = {}): PlanOptions => ({
  owner: "shop",
  ownerOf: (key) => owners[key],
  ...options,
});
const summary = (plan: ReturnType<typeof diffResources>): readonly string[] =>
  plan.changes.map(({ action, kind, name }) => `${action} ${kind}/${name}`);

test("equal states give an empty plan, also after a round trip through files", async () => {
  const { resources, documents } = readBundle(await fixture("complete"));
  const again = readBundle(writeBundle(resources, documents)).resources;
  assert.deepEqual(diffResources(again, resources, owned({})).changes, []);
});

test("what was made without files and then pulled is no change when it is applied", async () => {
  const { resources, documents } = readBundle(await fixture("complete"));
  const bare = resources.map(({ source: _, ...rest }): Resource => rest);
  const pulled = readBundle(writeBundle(bare, documents)).resources;
  const plan = diffResources(pulled, bare, owned({}));
  assert.deepEqual(plan.changes, []);
  assert.equal(plan.adopts.length, bare.length);
});

test("a plan names each field with before and after", () => {
  const before: Resource = {
    kind: "api",
    name: "a",
    body: { path: "/a", tags: ["x", "y"], protect: "key" },
    document: { fileName: "openapi.json", hash: "1" },
  };
  const after: Resource = {
    kind: "api",
    name: "a",
    body: { path: "/b", tags: ["x", "z"], title: "A" },
    document: { fileName: "openapi.json", hash: "2" },
  };
  assert.deepEqual(diffResources([after], [before], owned({})).changes, [
    {
      action: "update",
      kind: "api",
      name: "a",
      file: "apis/a/api.yaml",
      isTextOnly: false,
      fields: [
        { path: "(document)", before: before.document, after: after.document },
        { path: "path", before: "/a", after: "/b" },
        { path: "tags[1]", before: "y", after: "z" },
        { path: "protect", before: "key" },
        { path: "title", after: "A" },
      ],
    },
  ]);
});

test("a change of comments alone is a change, and says so", () => {
  const text = "title: P\napis: []\nplans: { free: {} }\n";
  const [change, ...others] = diffResources(
    [product("p", "P", `# new\n${text}`)],
    [product("p", "P", text)],
    owned({}),
  ).changes;
  assert.deepEqual([change?.isTextOnly, change?.fields, others], [true, [], []]);
});

test("credentials that are written out are never shown", () => {
  const backend = (secret: string): Resource => ({
    kind: "backend",
    name: "b",
    body: { kind: "http", url: "https://b.example", credentials: { headers: { authorization: secret } } },
  });
  const text = JSON.stringify(diffResources([backend("new-secret")], [backend("old-secret")], owned({})).changes);
  assert.match(text, /credentials\.headers\.authorization/);
  assert.doesNotMatch(text, /new-secret|old-secret/);
});

describe("ownership", () => {
  const current = [product("mine", "M"), product("theirs", "T"), product("studio", "S")];
  const owners = { "product/mine": "shop", "product/theirs": "other" };

  test("only what the directory owns is deleted when its file is gone", () => {
    assert.deepEqual(summary(diffResources([], current, owned(owners))), ["delete product/mine"]);
  });

  test("with prune, what nobody owns goes too, and what another bundle owns stays", () => {
    assert.deepEqual(summary(diffResources([], current, owned(owners, { prune: true }))), [
      "delete product/mine",
      "delete product/studio",
    ]);
  });

  test("what another bundle owns is not changed but refused with the name of that bundle", () => {
    const plan = diffResources([product("theirs", "changed")], current, owned(owners));
    assert.deepEqual(plan.writes, []);
    assert.match(plan.findings[0]?.message ?? "", /belongs to the bundle 'other'/);
    assert.equal(plan.findings[0]?.file, "products/theirs.yaml");
  });

  test("what another bundle owns may be held as it is: a platform of several bundles is pulled and applied without a change", () => {
    const plan = diffResources([...current, product("fresh", "F")], current, owned(owners));
    assert.deepEqual(plan.findings, []);
    assert.deepEqual(summary(plan), ["create product/fresh"]);
    assert.deepEqual(plan.adopts, ["product/studio", "product/fresh"]);
  });

  describe("of settings", () => {
    const settings = (body: Extract<Resource, { kind: "settings" }>["body"]): Resource => ({
      kind: "settings",
      name: "platform",
      body,
    });
    const full = settings({ workspace: "other", title: "Theirs" });
    const theirs = owned({ "settings/platform": "other" });

    test("a bundle whose portico.yaml says only its workspace stands beside one that says more", () => {
      const plan = diffResources([settings({ workspace: "shop" })], [full], theirs);
      assert.deepEqual([plan.changes, plan.findings, plan.adopts], [[], [], []]);
    });

    test("where nobody has said more, the first who does takes them over", () => {
      const plan = diffResources(
        [settings({ workspace: "shop", title: "Ours" })],
        [settings({ workspace: "other" })],
        theirs,
      );
      assert.deepEqual([summary(plan), plan.findings], [["update settings/platform"], []]);
      assert.deepEqual(plan.adopts, ["settings/platform"]);
    });

    test("two bundles that say more are told apart, with what to do", () => {
      const plan = diffResources([settings({ workspace: "shop", title: "Ours" })], [full], theirs);
      assert.deepEqual(plan.writes, []);
      assert.match(plan.findings[0]?.message ?? "", /title and outer policies belong to the bundle 'other'/);
      assert.match(plan.findings[0]?.next ?? "", /--owner other/);
    });
  });

  test("what nobody owns becomes the directory's, changed or not", () => {
    const plan = diffResources(
      [product("studio", "S"), product("fresh", "F"), product("mine", "M")],
      current,
      owned(owners),
    );
    assert.deepEqual(plan.adopts, ["product/studio", "product/fresh"]);
    assert.deepEqual(summary(plan), ["create product/fresh"]);
    assert.deepEqual(plan.writes.map(resourceKey), ["product/fresh"]);
  });

  test("a bundle owns under the name of its workspace", () => {
    assert.equal(ownerOfBundle([{ kind: "settings", name: "platform", body: { workspace: "shop" } }]), "shop");
    assert.equal(ownerOfBundle([]), "default");
  });
});
