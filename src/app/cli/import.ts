import { waitingForGateways } from "./bundle-request.ts";
import { answer, type Call, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { documentSource } from "./document-source.ts";
import { CommandFailure, findingText } from "./failure.ts";
import { inFlags } from "./in-flags.ts";
import {
  findingsOf,
  type Json,
  listOf,
  type ManagementClient,
  numberOf,
  objectOf,
  textOf,
} from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { counted } from "./table.ts";

/** Of the lint findings of a document, the gravest are shown. */
const findingsShownMax = 12;

/** `portico import`. */
export const importApi: CommandSpec = {
  name: "import",
  group: "Configure",
  summary: "Publish an API from its OpenAPI document, or bring it up to date",
  details:
    "Takes OpenAPI 2.0, 3.0, 3.1 or 3.2 in JSON or YAML and keeps it byte for byte. An API that exists is changed in one step; the plan is shown first, and operations that would go away are asked about.",
  arguments: [{ name: "document", description: "file, URL, or - for standard input" }],
  options: [
    { flags: "--name <name>", description: "name of the API", defaultText: "made from the document's title" },
    { flags: "--path <path>", description: "path at the gateway", defaultText: "/NAME" },
    { flags: "--protect <how>", description: "key, jwt, none, or several separated by commas", defaultText: "key" },
    {
      flags: "--backend <backend>",
      description: "URL, name of a backend, or mock",
      defaultText: "the document's first absolute server, else mock",
    },
    {
      flags: "--allow-private",
      description: "also fetch files at private addresses to which the document refers",
      defaultText: "only where the document itself comes from one",
    },
  ],
  usesPlatform: true,
  isWrite: true,
  asks: true,
  examples: [
    "portico import openapi.yaml --path /orders --backend https://orders.internal.example",
    "curl -s https://example.com/openapi.json | portico import - --name example",
  ],
  run: async (call) => {
    const body = { ...settingsOf(call), document: await documentSource(call) };
    const { client } = await platformOf(call);
    const plan = await client
      .post("/apis:import", { ...body, dryRun: true }, { timeoutMs: 120_000 })
      .catch((thrown: unknown) => {
        throw inFlags(withName(thrown, call.argument(0) ?? "-"));
      });
    if (!call.isJson) call.terminal.err(findingsText(plan, shownName(call.argument(0) ?? "-")));
    if (call.isDryRun) {
      await answer(call, { ...plan, dryRun: true }, () => `${planText(plan)}Nothing was changed (--dry-run).`);
      return exitCodes.ok;
    }
    const removed = operationsOf(plan, "removed").length;
    if (removed > 0) {
      if (!call.isJson) await call.terminal.out(planText(plan));
      await confirmOrFail(call, `${counted(removed, "operation")} will no longer exist. Import?`);
    }
    const done = await client.post("/apis:import", body, waitingForGateways(call));
    await answer(call, done, () => {
      const revision = numberOf(done, "revision");
      return `${removed > 0 ? "" : planText(done)}${revision === undefined ? "Nothing to do: the API is as the document says." : `Imported as revision ${revision}.`}`;
    });
    if (!call.isJson && done.isNew === true) call.terminal.err(await nextSteps(client, done));
    return exitCodes.ok;
  },
};

// The document is the argument, under whose name its findings stand.
const withName = (thrown: unknown, argument: string): unknown => {
  if (!(thrown instanceof CommandFailure)) return thrown;
  const findings = thrown.failure.findings.map((finding) =>
    finding.file === undefined && finding.line !== undefined ? { ...finding, file: shownName(argument) } : finding,
  );
  return new CommandFailure({ ...thrown.failure, findings }, thrown);
};

const shownName = (argument: string): string => (argument === "-" ? "(standard input)" : argument);

/** How a new API is called: with a key where it takes keys. The operation shown is the one that needs least. */
const nextSteps = async (client: ManagementClient, done: Json): Promise<string> => {
  const name = textOf(done, "api") ?? "";
  const api = await client.get(`/apis/${encodeURIComponent(name)}`);
  const added = operationsOf(done, "added");
  const isEasy = (one: Json): boolean => textOf(one, "method") === "GET" && !(textOf(one, "path") ?? "{").includes("{");
  const first = added.find(isEasy) ?? added.find((one) => textOf(one, "method") === "GET") ?? added[0];
  const path = `${textOf(done, "path") ?? ""}${textOf(first, "path") ?? ""}`;
  const line = `portico try ${textOf(first, "method") ?? "GET"} ${/[{}&?;*]/.test(path) ? `'${path}'` : path}`;
  const protect = protectionsOf(api.protect);
  if (protect.includes("key")) {
    return `next: portico keys create --api ${name}   # shows a key, once\n      PORTICO_KEY=ptk_... ${line}\n`;
  }
  return protect.length === 0 ? `next: ${line}\n` : `next: ${line} -H 'authorization: Bearer TOKEN'\n`;
};

const protectionsOf = (protect: unknown): readonly string[] => {
  if (protect === undefined) return ["key"];
  const list: readonly unknown[] = Array.isArray(protect) ? protect : [protect];
  return list.filter((one) => typeof one === "string").filter((one) => one !== "none");
};

const settingsOf = (call: Call): Json => {
  const [name, path, protect, backend] = [
    call.text("name"),
    call.text("path"),
    call.text("protect"),
    call.text("backend"),
  ];
  const protections = protect?.split(",").map((one) => one.trim());
  return {
    ...(name === undefined ? {} : { name }),
    ...(path === undefined ? {} : { path }),
    ...(protections === undefined ? {} : { protect: protections.length === 1 ? protections[0] : protections }),
    ...(backend === undefined ? {} : { backend }),
  };
};

const operationsOf = (plan: Json, kind: "added" | "removed" | "changed"): readonly Json[] =>
  listOf(objectOf(plan, "operations"), kind);

// Lint warnings of a large document would hide its plan.
const findingsText = (plan: Json, file: string): string => {
  const rank = (severity: string | undefined): number => (severity === "error" ? 0 : severity === "warning" ? 1 : 2);
  const all = [...findingsOf(plan, "findings")].sort((a, b) => rank(a.severity) - rank(b.severity));
  const shown = all.slice(0, findingsShownMax).map((finding) => `${findingText({ file, ...finding })}\n`);
  const rest = all.length - shown.length;
  return `${shown.join("")}${rest > 0 ? `and ${counted(rest, "finding")} more: portico lint ${file}\n` : ""}`;
};

const planText = (plan: Json): string => {
  const path = textOf(plan, "path");
  const head = `API ${textOf(plan, "api") ?? ""}${path === undefined ? "" : ` at ${path}`}`;
  const lines = (["added", "removed", "changed"] as const).flatMap((kind) => {
    const operations = operationsOf(plan, kind);
    const shown = operations
      .slice(0, 20)
      .map(
        (one) =>
          `  ${signs[kind]} ${textOf(one, "method") ?? ""} ${textOf(one, "path") ?? ""}  ${textOf(one, "id") ?? ""}`,
      );
    return operations.length > 20 ? [...shown, `  ${signs[kind]} and ${operations.length - 20} more`] : shown;
  });
  const affects = objectOf(plan, "affects");
  const products = Array.isArray(affects?.products) ? affects.products.map(String) : [];
  const touched = [
    ...listOf(affects, "policies").map((policy) => {
      const becomes = textOf(policy, "becomes");
      const then = becomes === undefined ? "goes with its operation" : `moves to ${becomes}`;
      return `  the policy of ${textOf(policy, "operation") ?? ""} ${then}`;
    }),
    ...(products.length === 0 ? [] : [`  in products: ${products.join(", ")}`]),
  ];
  return `${[head, ...lines, ...touched].join("\n")}\n`;
};

const signs = { added: "+", removed: "-", changed: "~" } as const;
