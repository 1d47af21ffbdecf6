import { type Call, type CommandSpec, exitCodes } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { isJson, type Json, numberOf, textOf } from "./management-client.ts";
import { platformOf } from "./platform.ts";
import { serverSentEvents } from "./server-sent-events.ts";

/** `portico logs`. */
export const logs: CommandSpec = {
  name: "logs",
  group: "Operate",
  summary: "Show the calls that gateways finished",
  details: "With --json, one JSON object per line.",
  options: [
    { flags: "-f, --follow", description: "go on with new calls until Ctrl+C" },
    { flags: "--limit <n>", description: "without --follow: at most so many", defaultText: "50" },
  ],
  usesPlatform: true,
  examples: ["portico logs -f", "portico logs -f --json | jq 'select(.status >= 500)'"],
  run: async (call) => {
    const limit = call.text("limit") ?? "50";
    if (!/^[1-9]\d{0,3}$/.test(limit)) throw usageFailure(`--limit is '${limit}'.`, "Give a number from 1 to 9999.");
    const { client } = await platformOf(call);
    if (!call.isSet("follow")) {
      const items = await client.list(
        "/requests",
        { query: { limit: String(Math.min(Number(limit), 100)) } },
        Number(limit),
      );
      for (const item of [...items].reverse()) await call.terminal.out(lineOf(call, item));
      if (items.length === 0 && !call.isJson) call.terminal.err("No calls yet.\n");
      return exitCodes.ok;
    }
    const response = await client.open("GET", "/requests", {
      query: { follow: "true" },
      headers: { accept: "text/event-stream" },
    });
    if (response.body === null) throw ended();
    try {
      for await (const event of serverSentEvents(response.body)) {
        const record: unknown = JSON.parse(event.data);
        if (isJson(record)) await call.terminal.out(lineOf(call, record));
      }
    } catch (thrown) {
      if (call.terminal.signal.aborted) return exitCodes.ok;
      throw ended(thrown);
    }
    if (call.terminal.signal.aborted) return exitCodes.ok;
    throw ended();
  },
};

const ended = (cause?: unknown): CommandFailure =>
  new CommandFailure(
    {
      code: "platform.stream_ended",
      message: "The platform ended the stream of calls.",
      next: "See whether it still runs (`portico doctor`), and follow again.",
    },
    cause,
  );

const lineOf = (call: Call, record: Json): string => {
  if (call.isJson) return `${JSON.stringify(record)}\n`;
  const status = String(numberOf(record, "status") ?? 0);
  const duration = numberOf(record, "durationMs");
  const parts = [
    textOf(record, "time") ?? "",
    colored(call, status),
    (textOf(record, "method") ?? "").padEnd(6),
    textOf(record, "path") ?? "",
    [textOf(record, "api"), textOf(record, "operation")].filter((part) => part !== undefined && part !== "").join("/"),
    duration === undefined ? "" : `${duration.toFixed(1)} ms`,
    textOf(record, "code") ?? "",
    textOf(record, "requestId") ?? textOf(record, "id") ?? "",
  ];
  // A client chose the path: it must not move the cursor or paint the screen.
  return `${parts
    .filter((part) => part !== "")
    .join("  ")
    .replace(controls, "?")}\n`;
};

const controls = /[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f]|\u001b(?!\[(?:3[123]|0)m)/g;

const colored = (call: Call, status: string): string => {
  if (!call.terminal.isOutputTerminal || call.terminal.env.NO_COLOR !== undefined) return status;
  return `\u001b[${status.startsWith("5") || status === "0" ? 31 : status.startsWith("4") ? 33 : 32}m${status}\u001b[0m`;
};
