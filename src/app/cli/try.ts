import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf } from "../../base/fault.ts";
import { explainHeader, explainIdHeader, explainRefusedHeader } from "../../model/explain-token.ts";
import { answer, type Call, type CommandSpec, exitCodes } from "./command.ts";
import { awaitExplanation, explanationOfCall } from "./explain.ts";
import type { ShownExplanation } from "./explanation-text.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { type ManagementClient, textOf } from "./management-client.ts";
import { gatewayUrlOfCall, platformOf } from "./platform.ts";
import { settingOptions } from "./setting-options.ts";

const inputBytesMax = 64 * 1024 * 1024;
const timeoutMs = 300_000;

/** `portico try`. */
export const tryCall: CommandSpec = {
  name: "try",
  group: "Call",
  summary: "Call an API through the gateway",
  details:
    "Prints the reply's body to standard output, and its status and, with --include, its header to standard error. Ends with 0 for a status below 400.",
  arguments: [
    { name: "method", description: "GET, POST, ..." },
    { name: "path", description: "path and query, as behind the gateway's address" },
  ],
  options: [
    { flags: "-H, --header <line>", description: "a header: 'name: value'", isRepeatable: true },
    { flags: "-d, --body <text>", description: "body: text, @FILE, or @- for standard input" },
    { flags: "--key-file <file>", description: "file with the key", env: "PORTICO_KEY holds the key itself" },
    { flags: "-i, --include", description: "show the reply's header" },
    { flags: "--explain", description: "show every decision about the call (needs the platform's token)" },
    { flags: "--api <name>", description: "with --explain: the API that is called", defaultText: "found by the path" },
    { flags: "--bodies <bytes>", description: "with --explain: so many bytes of both bodies", defaultText: "0" },
    ...settingOptions(["gateway-url"]),
  ],
  usesPlatform: true,
  examples: [
    "PORTICO_KEY=ptk_... portico try GET '/catalogue/books?limit=2'",
    "portico try --explain GET /catalogue/books",
    "portico try POST /orders -H 'content-type: application/json' -d @order.json --key-file key",
  ],
  run: async (call) => {
    const method = (call.argument(0) ?? "").toUpperCase();
    const path = call.argument(1) ?? "";
    if (!/^[!#$%&'*+.^_`|~0-9A-Z-]+$/.test(method))
      throw usageFailure(`'${method}' is no method.`, "Write the method first: portico try GET /orders");
    if (!path.startsWith("/")) throw usageFailure(`'${path}' is no path.`, "Begin the path with '/'.");
    const gatewayUrl = await gatewayUrlOfCall(call);
    const headers = headersOf(call);
    const key = await keyOf(call);
    if (key !== undefined && !headers.has("x-api-key")) headers.set("x-api-key", key);
    const explaining = call.isSet("explain") ? await explainingOf(call, path) : undefined;
    if (explaining !== undefined) headers.set(explainHeader, explaining.token);
    const body = await bodyOf(call);
    const started = performance.now();
    const response = await send(
      `${gatewayUrl}${path}`,
      { method, headers, ...(body === undefined ? {} : { body }) },
      gatewayUrl,
      call.terminal.signal,
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    const durationMs = Math.round(performance.now() - started);
    const text = new TextDecoder().decode(bytes);
    if (!call.isJson) {
      call.terminal.err(`${response.status} ${response.statusText}  (${durationMs} ms)\n`);
      if (call.isSet("include"))
        call.terminal.err(`${[...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n`);
    }
    const explanation = explaining && (await explaining.of(response.headers));
    await answer(
      call,
      {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        durationMs,
        ...bodyJson(text),
        ...(explanation === undefined ? {} : { explanation }),
      },
      // What was asked for is the explanation; the body may be anything.
      () => (explanation === undefined ? text : explanationOfCall(call, explanation)),
    );
    return response.status < 400 ? exitCodes.ok : exitCodes.failure;
  },
};

interface Explaining {
  readonly token: string;
  of(headers: Headers): Promise<ShownExplanation>;
}

const refusals: Readonly<Record<string, string | undefined>> = {
  invalid: "the gateway does not know the token; is it another platform's?",
  expired: "the token has expired; do the clocks agree?",
  "other-api": "another API answers at this path; name it with --api",
  "too-many": "the gateway explains so many calls a second and no more; try again",
};

/** A token for the API that the path belongs to, and the way to what the gateway then tells. */
const explainingOf = async (call: Call, path: string): Promise<Explaining> => {
  const bodies = call.text("bodies") ?? "0";
  if (!/^\d{1,5}$/.test(bodies))
    throw usageFailure(`--bodies is '${bodies}'.`, "Give a number of bytes, at most 16384.");
  const { client } = await platformOf(call);
  const api = call.text("api") ?? (await apiAt(client, path));
  const made = await client.post(`/apis/${encodeURIComponent(api)}/explain-tokens`, {
    seconds: 60,
    bodyBytes: Number(bodies),
  });
  return {
    token: textOf(made, "token") ?? "",
    of: async (headers) => {
      const id = headers.get(explainIdHeader);
      if (id !== null) return awaitExplanation(client, id, call.terminal.signal);
      const reason = headers.get(explainRefusedHeader) ?? "";
      throw new CommandFailure({
        code: "explanation.refused",
        message: "The gateway did not explain the call.",
        next: `Reason: ${refusals[reason] ?? "it did not say; does it run this version?"}.`,
      });
    },
  };
};

/** The API whose path is the longest that the call's begins with. */
const apiAt = async (client: ManagementClient, target: string): Promise<string> => {
  const path = target.split("?", 1)[0] ?? "";
  const found = (await client.list("/apis"))
    .map((api) => ({ name: textOf(api, "name") ?? "", base: (textOf(api, "path") ?? "/").replace(/\/+$/, "") }))
    .filter(({ base }) => path === base || path.startsWith(`${base}/`))
    .sort((a, b) => b.base.length - a.base.length)[0];
  if (found !== undefined) return found.name;
  throw usageFailure(
    `No API has the path ${path}.`,
    "Name one with --api: the gateway then tells why the call reaches none.",
  );
};

const headersOf = (call: Call): Headers => {
  const headers = new Headers();
  for (const line of call.texts("header")) {
    const colon = line.indexOf(":");
    try {
      if (colon < 1) throw new Error("a header reads 'name: value'");
      headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    } catch {
      // The line may hold a credential, so it is not shown.
      throw usageFailure(
        `The header '${line.slice(0, Math.max(colon, 0)) || "(no name)"}' is not valid.`,
        "Write -H 'name: value'.",
      );
    }
  }
  return headers;
};

const keyOf = async (call: Call): Promise<string | undefined> => {
  const file = call.text("key-file");
  const key =
    file === undefined
      ? call.terminal.env.PORTICO_KEY?.trim()
      : (await fileText(resolve(call.terminal.cwd, file))).trim();
  if (key === undefined || key === "") return undefined;
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw usageFailure("The key holds characters that no key has.", "Check PORTICO_KEY or --key-file.");
};

const bodyOf = async (call: Call): Promise<Uint8Array<ArrayBuffer> | string | undefined> => {
  const given = call.text("body");
  if (given === undefined || !given.startsWith("@")) return given;
  if (given === "@-") return new Uint8Array(await call.terminal.readInput(inputBytesMax));
  return new Uint8Array(await fileBytes(resolve(call.terminal.cwd, given.slice(1))));
};

const fileText = async (path: string): Promise<string> => (await fileBytes(path)).toString("utf8");

const fileBytes = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (thrown) {
    throw new CommandFailure(
      {
        code: "cli.file_unreadable",
        message: `${path} cannot be read: ${messageOf(thrown)}.`,
        next: "Check the path.",
      },
      thrown,
    );
  }
};

const send = async (url: string, init: RequestInit, gatewayUrl: string, signal: AbortSignal): Promise<Response> => {
  try {
    return await fetch(url, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
  } catch (thrown) {
    const reason = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : messageOf(thrown);
    throw new CommandFailure(
      {
        code: "gateway.unreachable",
        message: `The gateway at ${gatewayUrl} did not answer: ${reason}.`,
        next: "Start a platform with `portico up`, or give the address with --gateway-url.",
      },
      thrown,
    );
  }
};

const bodyJson = (text: string): { readonly body: unknown } => {
  try {
    return { body: JSON.parse(text) };
  } catch {
    // Not JSON: the text itself is the answer.
    return { body: text };
  }
};
