import { rename, stat } from "node:fs/promises";
import { messageOf, systemCodeOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";

const accessLogBytesMax = 256 * 1024 * 1024;

/** Keeps the log's disk space within twice the bound: one older file. */
export const rotateWhenBig = async (path: string, reopen: () => void, log: Log): Promise<void> => {
  try {
    if ((await stat(path)).size < accessLogBytesMax) return;
    await rename(path, `${path}.1`);
    reopen();
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "ENOENT")
      log.warn("the access log could not be rotated", { reason: messageOf(thrown) });
  }
};
