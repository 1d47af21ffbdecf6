import { once } from "node:events";
import type { Terminal } from "./command.ts";
import { CommandFailure } from "./failure.ts";

/** The terminal of this process. Signals reach it through `signal`. */
export const processTerminal = (signal: AbortSignal): Terminal => ({
  out: async (text) => {
    if (!process.stdout.write(text) && !process.stdout.destroyed)
      await once(process.stdout, "drain").catch(() => {
        // The reader went away (`portico logs | head`); the handler of EPIPE ends the process.
      });
  },
  err: (text) => {
    process.stderr.write(text);
  },
  isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  isOutputTerminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 100,
  env: process.env,
  cwd: process.cwd(),
  readInput: (bytesMax) => readInput(bytesMax, signal),
  signal,
});

const readInput = async (bytesMax: number, signal: AbortSignal): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Otherwise Ctrl+C would wait for the end of the input.
  signal.addEventListener("abort", () => process.stdin.destroy(new DOMException("interrupted", "AbortError")));
  for await (const chunk of process.stdin) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > bytesMax) {
      throw new CommandFailure({
        code: "cli.input_too_large",
        message: `Standard input has more than ${bytesMax} bytes.`,
      });
    }
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
};
