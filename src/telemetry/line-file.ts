import { closeSync, openSync, write } from "node:fs";

/** Writes lines in batches, never blocking: one write at a time, and a bound on what waits. */
export interface LineFile {
  add(line: string): void;
  /** Begins to write what waits; call it every few hundred milliseconds. */
  flush(): void;
  /** Opens the path anew, after the file was moved away. */
  reopen(): void;
  /** Writes the rest and closes. */
  close(): Promise<void>;
  /** Lines that were dropped because the disk or pipe was too slow. */
  readonly lost: number;
}

const flushAtLength = 64 * 1024;
const waitingLengthMax = 8 * 1024 * 1024;

/** Lines to a file (appended, so that several threads may write it) or, with null, to standard output. */
export const openLineFile = (path: string | null): LineFile => {
  const open = (): number => (path === null ? 1 : openSync(path, "a", 0o640));
  let descriptor = open();
  let waiting: string[] = [];
  let waitingLength = 0;
  let isWriting = false;
  let lost = 0;
  let whenIdle: (() => void) | null = null;
  let mustReopen = false;

  const changeFile = (): void => {
    mustReopen = false;
    if (path === null) return;
    closeSync(descriptor);
    descriptor = open();
  };

  const next = (): void => {
    if (isWriting) return;
    if (mustReopen) changeFile();
    if (waiting.length === 0) {
      whenIdle?.();
      return;
    }
    // Whole lines in one write: with O_APPEND the lines of several threads do not mix.
    const bytes = Buffer.from(waiting.join(""));
    const lines = waiting.length;
    waiting = [];
    waitingLength = 0;
    isWriting = true;
    writeAll(descriptor, bytes, 0, (isWritten) => {
      isWriting = false;
      if (!isWritten) lost += lines;
      next();
    });
  };

  return {
    add: (line) => {
      if (waitingLength > waitingLengthMax) {
        lost += 1;
        return;
      }
      waiting.push(line);
      waitingLength += line.length;
      if (waitingLength >= flushAtLength) next();
    },
    flush: next,
    reopen: () => {
      mustReopen = true;
      next();
    },
    close: async () => {
      await new Promise<void>((resolve) => {
        whenIdle = resolve;
        next();
      });
      if (path !== null) closeSync(descriptor);
    },
    get lost() {
      return lost;
    },
  };
};

const writeAll = (descriptor: number, bytes: Buffer, from: number, then: (isWritten: boolean) => void): void => {
  write(descriptor, bytes, from, bytes.length - from, null, (error, written) => {
    // A full pipe: try again, the loop is free meanwhile.
    if (error?.code === "EAGAIN") setTimeout(() => writeAll(descriptor, bytes, from, then), 10);
    else if (error) then(false);
    else if (from + written < bytes.length) writeAll(descriptor, bytes, from + written, then);
    else then(true);
  });
};
