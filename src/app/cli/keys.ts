import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { type Json, type ManagementClient, objectOf, textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { table } from "./table.ts";

const usualOrganization = "default";
const usualApplication = "cli";

const create: CommandSpec = {
  name: "keys create",
  group: "Call",
  summary: "Create a key for a product, in one step",
  details:
    "Finds or creates the organization, the application and its subscription. The key is shown once; only its digest is kept.",
  options: [
    { flags: "--product <name>", description: "product whose APIs the key may call", isRequired: true },
    {
      flags: "--plan <name>",
      description: "plan of the product",
      defaultText: "the only one, where there is only one",
    },
    { flags: "--application <name>", description: "application that calls", defaultText: usualApplication },
    {
      flags: "--organization <name>",
      description: "organization that owns the application",
      defaultText: usualOrganization,
    },
    { flags: "--slot <slot>", description: "primary or secondary", defaultText: "the first free one" },
  ],
  usesPlatform: true,
  isWrite: true,
  examples: ["export PORTICO_KEY=$(portico keys create --product bookshop --json | jq -r .key)"],
  run: async (call) => {
    const { client } = await platformOf(call);
    const product = call.text("product") ?? "";
    const plan = await planOf(client, product, call.text("plan"));
    const slot = slotOf(call.text("slot"));
    const names = {
      organization: call.text("organization") ?? usualOrganization,
      application: call.text("application") ?? usualApplication,
    };
    if (call.isDryRun) {
      await answer(
        call,
        { dryRun: true, product, plan, ...names },
        () =>
          `Would create a key of ${names.application} (${names.organization}) for ${product}, plan ${plan} (--dry-run).`,
      );
      return exitCodes.ok;
    }
    const subscription = await subscriptionOf(client, { product, plan, ...names });
    const id = requiredId(subscription, "subscription");
    const wait = { query: { wait: "applied", timeout: "10s" } };
    const made = await client.post(`/subscriptions/${id}/keys`, slot === undefined ? {} : { slot }, wait);
    const state = textOf(subscription, "state") ?? "active";
    await answer(call, { ...made, subscription: id, product, plan, state }, () => {
      const key = textOf(made, "key") ?? "";
      const pending = state === "active" ? "" : `The subscription is ${state}: the key works once it is approved.\n`;
      return `${key}\n\nKeep it: it is shown this once. It calls ${product} under the plan ${plan}, as ${names.application} of ${names.organization}.\n${pending}`;
    });
    return exitCodes.ok;
  },
};

const list: CommandSpec = {
  name: "keys list",
  group: "Call",
  summary: "List keys; only what may be shown of them",
  usesPlatform: true,
  run: async (call) => {
    const { client } = await platformOf(call);
    const keys = await client.list("/keys");
    await answer(call, { items: keys }, () =>
      table(
        ["ID", "KEY", "STATE", "SLOT", "SUBSCRIPTION", "EXPIRES", "LAST USED"],
        keys.map((key) => [
          textOf(key, "id") ?? "",
          `${textOf(key, "prefix") ?? ""}...`,
          textOf(key, "state") ?? "",
          textOf(key, "slot") ?? "",
          textOf(key, "subscriptionId") ?? "",
          textOf(key, "expiresAt") ?? "never",
          textOf(key, "lastUsedAt") ?? "never",
        ]),
        "There are no keys. Create one with `portico keys create --product NAME`.",
        call.terminal.isOutputTerminal ? call.terminal.columns : undefined,
      ),
    );
    return exitCodes.ok;
  },
};

const rotate: CommandSpec = {
  name: "keys rotate",
  group: "Call",
  summary: "Replace a key by a new one",
  details: "The old key goes on working for the grace period. The new key is shown once.",
  arguments: [{ name: "id", description: "id of the key, from `keys list`" }],
  options: [
    { flags: "--grace <duration>", description: "how long the old key still works: 0s, 24h, 7d", defaultText: "24h" },
  ],
  usesPlatform: true,
  isWrite: true,
  examples: ["portico keys rotate 0190b3c4-... --grace 7d"],
  run: async (call) => {
    const id = call.argument(0) ?? "";
    const grace = call.text("grace") ?? "24h";
    if (call.isDryRun) {
      await answer(
        call,
        { dryRun: true, id, grace },
        () => `Would replace the key ${id}; the old one would work for ${grace} more (--dry-run).`,
      );
      return exitCodes.ok;
    }
    const { client } = await platformOf(call);
    const made = await client.post(
      `/keys/${encodeURIComponent(id)}:rotate`,
      { grace },
      { query: { wait: "applied", timeout: "10s" } },
    );
    await answer(
      call,
      made,
      () => `${textOf(made, "key") ?? ""}\n\nKeep it: it is shown this once. The old key works for ${grace} more.`,
    );
    return exitCodes.ok;
  },
};

const revoke: CommandSpec = {
  name: "keys revoke",
  group: "Call",
  summary: "End a key at once",
  arguments: [{ name: "id", description: "id of the key, from `keys list`" }],
  usesPlatform: true,
  isWrite: true,
  asks: true,
  run: async (call) => {
    const id = call.argument(0) ?? "";
    if (call.isDryRun) {
      await answer(call, { dryRun: true, id }, () => `Would end the key ${id} (--dry-run).`);
      return exitCodes.ok;
    }
    const { client } = await platformOf(call);
    await confirmOrFail(call, `Applications that use the key ${id} will be refused. Revoke it?`);
    await client.delete(`/keys/${encodeURIComponent(id)}`, { query: { wait: "applied", timeout: "10s" } });
    await answer(call, { id, revoked: true }, () => `The key ${id} is revoked.`);
    return exitCodes.ok;
  },
};

const digest: CommandSpec = {
  name: "keys digest",
  group: "Call",
  summary: "Print the digest of a key for `keys:` in portico.yaml",
  details:
    "Reads the key from standard input, or makes a new one with --new and prints both. For `portico gateway --config`, where no control plane issues keys.",
  options: [{ flags: "--new", description: "make a key" }],
  examples: ["portico keys digest < key", "portico keys digest --new"],
  run: async (call) => {
    const { apiKeyDigest, isApiKey, newApiKey } = await import("../../model/api-key.ts");
    if (call.isSet("new")) {
      const key = newApiKey();
      await answer(
        call,
        { key, digest: `sha256:${apiKeyDigest(key)}` },
        () => `key:    ${key}\ndigest: sha256:${apiKeyDigest(key)}`,
      );
      return exitCodes.ok;
    }
    const key = Buffer.from(await call.terminal.readInput(10_000))
      .toString("utf8")
      .trim();
    if (!isApiKey(key)) {
      throw new CommandFailure({
        code: "cli.key_invalid",
        message: "Standard input holds no key, or a mistyped one.",
        next: "Give a key as `portico keys create` prints it, or make one with --new.",
      });
    }
    await answer(call, { digest: `sha256:${apiKeyDigest(key)}` }, () => `sha256:${apiKeyDigest(key)}`);
    return exitCodes.ok;
  },
};

/** `portico keys ...`. */
export const keyCommands: readonly CommandSpec[] = [create, list, rotate, revoke, digest];

const planOf = async (client: ManagementClient, product: string, asked: string | undefined): Promise<string> => {
  const found = await client.find(`/products/${encodeURIComponent(product)}`);
  if (found === undefined) {
    const names = (await client.list("/products")).map((one) => textOf(one, "name") ?? "");
    throw new CommandFailure({
      code: "product.not_found",
      message: `There is no product '${product}'.`,
      next: names.length === 0 ? "Create a product first." : `Products: ${names.join(", ")}.`,
    });
  }
  const plans = Object.keys(objectOf(found, "plans") ?? {});
  if (asked !== undefined && plans.includes(asked)) return asked;
  const [only, ...others] = plans;
  if (asked === undefined && only !== undefined && others.length === 0) return only;
  throw usageFailure(
    asked === undefined
      ? `The product '${product}' has ${plans.length} plans.`
      : `The product '${product}' has no plan '${asked}'.`,
    `Give --plan with one of ${plans.join(", ")}.`,
  );
};

interface Wanted {
  readonly product: string;
  readonly plan: string;
  readonly organization: string;
  readonly application: string;
}

const subscriptionOf = async (client: ManagementClient, wanted: Wanted): Promise<Json> => {
  const organization =
    (await client.find(`/organizations/${encodeURIComponent(wanted.organization)}`)) ??
    (await client.post("/organizations", { name: wanted.organization }));
  const organizationId = requiredId(organization, "organization");
  const applications = await client.list("/applications", { query: { organization: organizationId } });
  const application =
    applications.find((one) => textOf(one, "name") === wanted.application) ??
    (await client.post("/applications", { name: wanted.application, organizationId }));
  const applicationId = requiredId(application, "application");
  const query = { application: applicationId, product: wanted.product, plan: wanted.plan };
  const known = (await client.list("/subscriptions", { query })).find(
    (one) => !["ended", "rejected"].includes(textOf(one, "state") ?? ""),
  );
  return known ?? client.post("/subscriptions", { applicationId, product: wanted.product, plan: wanted.plan });
};

const slotOf = (text: string | undefined): string | undefined => {
  if (text === undefined || text === "primary" || text === "secondary") return text;
  throw usageFailure(`'${text}' is no slot.`, "Give primary or secondary.");
};

const requiredId = (value: Json, what: string): string => {
  const id = textOf(value, "id");
  if (id !== undefined) return id;
  throw new CommandFailure({
    code: "platform.unknown",
    message: `The platform's answer has no id of the ${what}.`,
    next: "Check that the versions of platform and command line are the same.",
  });
};
