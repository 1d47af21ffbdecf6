import { access, constants, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault, systemCodeOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";

/** What the system says, in words that help. */
const reasons: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  ENOSPC: "its file system is full",
  EDQUOT: "this user's quota of its file system is used up",
  ENOTDIR: "something on the way to it is a file",
  EEXIST: "it is a file",
  ENAMETOOLONG: "its path is too long",
  ELOOP: "symbolic links lead in a circle",
};

/**
 * Makes the data directory where it is missing, and finds out at the start whether files can be made in it. Refuses with
 * `data.unusable`, which says why.
 */
export const openDataDirectory = async (directory: string): Promise<void> => {
  try {
    // Of root's, PostgreSQL's own user must be able to pass through to its directory below.
    await mkdir(directory, { recursive: true, mode: 0o711 });
    const probe = join(directory, `.probe-${uuidv7()}`);
    await writeFile(probe, "probe", { mode: 0o600, flag: "wx" });
    await rm(probe);
  } catch (thrown) {
    const code = await codeOf(thrown, directory);
    throw new Fault("data.unusable", {
      public: `The data directory ${directory} cannot be used: ${reasons[code] ?? code}. Make room or give it to this user, or choose another directory (--data DIR).`,
      cause: thrown,
    });
  }
};

/** Making several directories at once hides the reason behind ENOENT: the nearest one that is there knows it. */
const codeOf = async (thrown: unknown, directory: string): Promise<string> => {
  const code = systemCodeOf(thrown) ?? "an unknown error";
  if (code !== "ENOENT") return code;
  for (let above = dirname(directory); ; above = dirname(above)) {
    try {
      await access(above, constants.W_OK);
      return code;
    } catch (refused) {
      const found = systemCodeOf(refused) ?? code;
      if (found !== "ENOENT" || above === dirname(above)) return found;
    }
  }
};
