import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/** The gateway's name towards control: stays the same over restarts on one data directory. */
export const instanceOf = async (home: string): Promise<string> => {
  const file = join(home, "instance");
  const known = await readFile(file, "utf8").catch(() => "");
  if (known !== "") return known.trim();
  const host =
    hostname()
      .replace(/[^\x21-\x7e]/g, "")
      .slice(0, 100) || "gateway";
  const instance = `${host}-${randomBytes(4).toString("hex")}`;
  await writeFile(file, `${instance}\n`, { mode: 0o600 });
  return instance;
};
