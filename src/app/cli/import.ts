import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { messageOf } from "../../base/fault.ts";
import { answer, type Call, type CommandSpec, exitCodes } from "./command.ts";
import { confirmOrFail } from "./confirm.ts";
import { CommandFailure, findingText } from "./failure.ts";
import { findingsOf, type Json, listOf, numberOf, objectOf, textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { counted } from "./table.ts";

const documentBytesMax = 32 * 1024 * 1024;
const fetchTimeoutMs = 30_000;

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
  ],
  usesPlatform: true,
  isWrite: true,
  asks: true,
  examples: [
    "portico import openapi.yaml --path /orders --backend https://orders.internal.example",
    "curl -s https://example.com/openapi.json | portico import - --name example",
  ],
  run: async (call) => {
    const body = { ...settingsOf(call), document: await documentOf(call) };
    const { client } = await platformOf(call);
    const plan = await client.post("/apis:import", { ...body, dryRun: true }, { timeoutMs: 120_000 });
    if (!call.isJson)
      for (const finding of findingsOf(plan, "findings")) call.terminal.err(`${findingText(finding)}\n`);
    if (call.isDryRun) {
      await answer(call, { ...plan, dryRun: true }, () => `${planText(plan)}Nothing was changed (--dry-run).`);
      return exitCodes.ok;
    }
    const removed = operationsOf(plan, "removed").length;
    if (removed > 0) {
      if (!call.isJson) await call.terminal.out(planText(plan));
      await confirmOrFail(call, `${counted(removed, "operation")} will no longer exist. Import?`);
    }
    const done = await client.post("/apis:import", body, {
      query: { wait: "applied", timeout: "30s" },
      timeoutMs: 120_000,
    });
    await answer(call, done, () => {
      const revision = numberOf(done, "revision");
      return `${removed > 0 ? "" : planText(done)}${revision === undefined ? "Nothing to do: the API is as the document says." : `Imported as revision ${revision}.`}`;
    });
    return exitCodes.ok;
  },
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

const documentOf = async (call: Call): Promise<Json> => {
  const source = call.argument(0) ?? "-";
  if (source === "-") return inline("openapi", await call.terminal.readInput(documentBytesMax));
  if (!/^https?:\/\//i.test(source))
    return inline(basename(source), await fileBytes(resolve(call.terminal.cwd, source), source));
  // The platform fetches what anybody may fetch; what only this machine reaches is fetched here, with its user's rights.
  return isPrivateHost(new URL(source).hostname)
    ? inline(basename(new URL(source).pathname) || "openapi", await fetched(source, call.terminal.signal))
    : { url: source };
};

const inline = (fileName: string, bytes: Uint8Array): Json => ({
  fileName,
  contentBase64: Buffer.from(bytes).toString("base64"),
});

const fileBytes = async (path: string, shown: string): Promise<Uint8Array> => {
  try {
    return await readFile(path);
  } catch (thrown) {
    throw new CommandFailure(
      {
        code: "cli.file_unreadable",
        message: `${shown} cannot be read: ${messageOf(thrown)}.`,
        next: "Check the path, or give a URL or - for standard input.",
      },
      thrown,
    );
  }
};

const isPrivateHost = (host: string): boolean =>
  /^(localhost|.*\.(localhost|local|internal|test)|127\..*|10\..*|192\.168\..*|172\.(1[6-9]|2\d|3[01])\..*|169\.254\..*|\[::1\]|\[f[cd].*\]|\[fe80.*\])$/i.test(
    host,
  ) || !host.includes(".");

const fetched = async (url: string, signal: AbortSignal): Promise<Uint8Array> => {
  const unfetched = (reason: string, cause?: unknown): CommandFailure =>
    new CommandFailure(
      {
        code: "cli.document_unfetched",
        message: `${url} cannot be fetched: ${reason}.`,
        next: "Check the URL, or give a file.",
      },
      cause,
    );
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]),
      headers: { accept: "application/json, application/yaml;q=0.9, */*;q=0.8" },
    });
    if (!response.ok) throw unfetched(`it answers ${response.status}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > documentBytesMax) throw unfetched(`it has more than ${documentBytesMax} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (thrown) {
    if (thrown instanceof CommandFailure) throw thrown;
    throw unfetched(
      thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : messageOf(thrown),
      thrown,
    );
  }
};

const operationsOf = (plan: Json, kind: "added" | "removed" | "changed"): readonly Json[] =>
  listOf(objectOf(plan, "operations"), kind);

const planText = (plan: Json): string => {
  const api = objectOf(plan, "api");
  const head = `API ${textOf(api, "name") ?? textOf(plan, "api") ?? ""}${textOf(api, "path") === undefined ? "" : ` at ${textOf(api, "path")}`}`;
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
  const touched = (["policies", "products"] as const).flatMap((kind) => {
    const names = Array.isArray(affects?.[kind]) ? affects[kind] : [];
    return names.length === 0
      ? []
      : [
          `  ${kind} touched: ${names.map((name) => (typeof name === "string" ? name : JSON.stringify(name))).join(", ")}`,
        ];
  });
  return `${[head, ...lines, ...touched].join("\n")}\n`;
};

const signs = { added: "+", removed: "-", changed: "~" } as const;
