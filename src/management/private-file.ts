import { link, open, readFile, rm } from "node:fs/promises";
import { systemCodeOf } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";

/** The text of a file that only its owner may read; made with `make` where it is not there. Of several who make it at once one wins, and all read the same. */
export const readOrCreateFile = async (file: string, make: () => string): Promise<string> => {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "ENOENT") throw thrown;
  }
  const draft = `${file}.${uuidv7()}`;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${make()}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A link, unlike a rename, fails where the name is taken.
    await link(draft, file);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "EEXIST") throw thrown;
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(file, "utf8")).trim();
};
