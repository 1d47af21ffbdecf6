import { answer, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { inFlags } from "./in-flags.ts";
import { type Json, type ManagementClient, objectOf, textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { table } from "./table.ts";

const usualOrganization = "default";
const usualApplication = "cli";

const create: CommandSpec = {
  name: "keys create",
  group: "Call",
  summary: "Create a key for an API or a product, in one step",
  details:
    "Makes what is missing on the way: the organization, the application and its subscription, and for an API that no product holds a product of its name whose plan allows 60 calls a minute. The key is shown once; only its digest is kept.",
  options: [
    { flags: "--api <name>", description: "API that the key may call" },
    {
      flags: "--product <name>",
      description: "product whose APIs the key may call",
      defaultText: "the one that holds the API",
    },
    {
      flags: "--plan <name>",
      description: "plan of the product",
      defaultText: "the only one, or the only one that needs no approval",
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
  examples: [
    "portico keys create --api orders",
    "export PORTICO_KEY=$(portico keys create --product bookshop --json | jq -r .key)",
  ],
  run: async (call) => {
    const body = {
      api: call.text("api"),
      product: call.text("product"),
      plan: call.text("plan"),
      slot: slotOf(call.text("slot")),
      organization: call.text("organization") ?? usualOrganization,
      application: call.text("application") ?? usualApplication,
    };
    const { client } = await platformOf(call);
    if (body.api === undefined && body.product === undefined) throw await nothingNamed(client);
    const query = call.isDryRun ? { dryRun: "true" } : { wait: "applied", timeout: "10s" };
    const made = await client.post("/keys", body, { query }).catch((thrown: unknown) => {
      throw inFlags(thrown);
    });
    const subscription = objectOf(made, "subscription");
    const [product, plan] = [textOf(subscription, "product") ?? "", textOf(subscription, "plan") ?? ""];
    const who = `${body.application} of ${body.organization}`;
    const created = listOfText(made, "created");
    if (call.isDryRun) {
      // What would be issued is no key that anybody could use.
      const { key: _, ...rest } = made;
      await answer(call, { ...rest, dryRun: true }, () =>
        [
          `Would create a key for ${product}, plan ${plan}, as ${who} (--dry-run).`,
          ...created.map(
            (one) =>
              `  + ${one
                .split("/")
                .slice(0, one.startsWith("subscription/") ? 1 : 2)
                .join(" ")}`,
          ),
        ].join("\n"),
      );
      return exitCodes.ok;
    }
    await answer(call, made, () => {
      const state = textOf(subscription, "state") ?? "active";
      const pending = state === "active" ? "" : `The subscription is ${state}: the key works once it is approved.\n`;
      const makes = created.some((one) => one.startsWith("product/")) ? ` The product ${product} was made for it.` : "";
      return `${textOf(made, "key") ?? ""}\n\nKeep it: it is shown this once. It calls ${product} under the plan ${plan}, as ${who}.${makes}\n${pending}`;
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
    if (call.isJson) {
      await answer(call, { items: keys }, () => "");
      return exitCodes.ok;
    }
    const subscriptions = new Map(
      (await client.list("/subscriptions")).map((one) => [textOf(one, "id") ?? "", one] as const),
    );
    await answer(call, keys, () =>
      table(
        ["ID", "KEY", "STATE", "SLOT", "PRODUCT", "PLAN", "APPLICATION", "EXPIRES", "LAST USED"],
        keys.map((key) => {
          const subscription = subscriptions.get(textOf(key, "subscriptionId") ?? "");
          const subscribed = textOf(subscription, "state") ?? "active";
          const state = textOf(key, "state") ?? "";
          return [
            textOf(key, "id") ?? "",
            `${textOf(key, "prefix") ?? ""}...`,
            // A good key of a subscription that may not call is as good as none.
            state === "active" && subscribed !== "active" ? subscribed : state,
            textOf(key, "slot") ?? "",
            textOf(subscription, "product") ?? "",
            textOf(subscription, "plan") ?? "",
            textOf(subscription, "application") ?? "",
            textOf(key, "expiresAt") ?? "never",
            textOf(key, "lastUsedAt") ?? "never",
          ];
        }),
        "There are no keys. Create one with `portico keys create --api NAME`.",
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
    const made = await client
      .post(`/keys/${encodeURIComponent(id)}:rotate`, { grace }, { query: { wait: "applied", timeout: "10s" } })
      .catch((thrown: unknown) => {
        throw inFlags(thrown);
      });
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

const nothingNamed = async (client: ManagementClient): Promise<CommandFailure> => {
  const products = (await client.list("/products")).map((one) => textOf(one, "name") ?? "");
  return usageFailure(
    "Nothing says what the key is for.",
    `Give --api NAME${products.length === 0 ? "" : `, or --product with one of ${products.join(", ")}`}.`,
  );
};

const listOfText = (value: Json, name: string): readonly string[] => {
  const list = value[name];
  return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
};

const slotOf = (text: string | undefined): string | undefined => {
  if (text === undefined || text === "primary" || text === "secondary") return text;
  throw usageFailure(`'${text}' is no slot.`, "Give primary or secondary.");
};
