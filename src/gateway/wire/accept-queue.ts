import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import type { Server } from "node:net";

/** What a listening server has inside Node 26, though its documentation does not name it. */
interface ListeningServer extends Server {
  readonly _handle?: { readonly fd?: number } | null;
}

const pageBytes = 4096;
/** Listeners come first in the kernel's table: the rest is not worth reading. */
const pagesMax = 64;
const listening = "0A";

/**
 * How many connections wait in the kernel's queue of a listener: their handshake is done, and closing the listener would reset them.
 * Reads what Linux tells about its sockets; 0 where that is not to be had.
 */
export const acceptQueueOf = (server: ListeningServer): number => {
  const fd = server._handle?.fd;
  if (process.platform !== "linux" || fd === undefined || fd < 0) return 0;
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    if (inode === undefined) return 0;
    return waitingAt("/proc/self/net/tcp", inode) ?? waitingAt("/proc/self/net/tcp6", inode) ?? 0;
  } catch {
    // Without /proc nobody knows; the turns of the loop that have brought nobody must do.
    return 0;
  }
};

/** The length of the queue of the listener with this inode, or undefined where the table does not have it. */
const waitingAt = (table: string, inode: string): number | undefined => {
  const file = openSync(table, "r");
  const page = Buffer.allocUnsafe(pageBytes);
  try {
    let text = "";
    for (let read = 0; read < pagesMax; read++) {
      const length = readSync(file, page);
      if (length === 0) return undefined;
      text += page.toString("latin1", 0, length);
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        const fields = line.trim().split(/\s+/);
        if (fields[3] === listening && fields[9] === inode) return Number.parseInt(fields[4]?.split(":")[1] ?? "0", 16);
      }
    }
    return undefined;
  } finally {
    closeSync(file);
  }
};
