import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { messageOf, systemCodeOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import { type AccessBuffers, type AccessDelta, type AccessWriter, createAccessWriter } from "../shared/access-table.ts";
import { arenaBytesMax, growableBuffer } from "../shared/string-arena.ts";
import type { UnitText } from "./thread-messages.ts";

/** The configuration as it is kept on disk. `live` differs from `wanted` where the newest unit does not compile. */
export interface SavedConfiguration {
  readonly revision: number;
  readonly hash: string;
  readonly wanted: ReadonlyMap<string, UnitText>;
  readonly live: ReadonlyMap<string, UnitText>;
}

/** What a gateway starts from when control is away. */
export interface SavedSnapshot {
  readonly configuration: SavedConfiguration | undefined;
  readonly access: AccessWriter;
}

/**
 * The last good snapshot on disk: units by their hash, a manifest, the access table and a journal of its changes. Files are written
 * beside their place, flushed, and renamed, with mode 0600, since units may hold secrets. A crash at any moment leaves the last whole one.
 */
export interface SnapshotStore {
  load(): Promise<SavedSnapshot>;
  /** Keeps what `take` answers by then; under a storm of changes a few times a second, so that only the newest is written. */
  saveConfiguration(take: () => SavedConfiguration): void;
  /** Keeps a change of the access table; it is in the system's hands when this settles. */
  appendAccess(deltas: readonly AccessDelta[]): Promise<void>;
  /** Keeps the whole table, after a reset or when the journal has grown. */
  saveAccess(access: AccessWriter): Promise<void>;
  readonly journalBytes: number;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

const fileMode = 0o600;
const magic = "PORTICO-ACCESS-2\n";
/** Three lengths and a CRC-32. */
const headBytes = 32;
const filesAtOnce = 32;
/** Between two writes of the configuration. */
const restMs = 200;

/** The store in `directory`, which is made where it is missing. */
export const createSnapshotStore = async (directory: string, log: Log): Promise<SnapshotStore> => {
  const unitsDirectory = join(directory, "units");
  await mkdir(unitsDirectory, { recursive: true, mode: 0o700 });
  const manifestFile = join(directory, "manifest.json");
  const accessFile = join(directory, "access.json");
  const sums = new Map<string, number>();
  const savedUnits = new Set((await readdir(unitsDirectory)).map((name) => name.replace(/\.json$/, "")));
  let waiting: (() => SavedConfiguration) | null = null;
  let pause: (() => void) | null = null;
  let isClosing = false;
  let saving: Promise<void> | null = null;
  let sequence = 0;
  let journals: FileHandle[] = [];
  let journalBytes = 0;
  let accessWork: Promise<void> = Promise.resolve();

  const tableName = (n: number): string => join(directory, `access-${n}.bin`);
  const journalName = (n: number): string => join(directory, `access-${n}.jsonl`);

  const saveNewest = async (): Promise<void> => {
    while (waiting !== null) {
      const configuration = waiting();
      waiting = null;
      try {
        await writeConfiguration(configuration);
      } catch (thrown) {
        // The gateway serves on; what it would start from is older until the disk takes writes again.
        log.error("the snapshot could not be saved", { revision: configuration.revision, reason: messageOf(thrown) });
      }
      if (!isClosing) await rest();
    }
    saving = null;
  };

  const rest = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, restMs);
      pause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const writeConfiguration = async ({ revision, hash, wanted, live }: SavedConfiguration): Promise<void> => {
    const units = new Map([...wanted.values(), ...live.values()].map((unit) => [unit.hash, unit]));
    const missing = [...units.values()].filter((unit) => !savedUnits.has(unit.hash));
    for (let from = 0; from < missing.length; from += filesAtOnce) {
      await Promise.all(
        missing
          .slice(from, from + filesAtOnce)
          .map((unit) => writeWhole(join(unitsDirectory, `${unit.hash}.json`), [unit.text])),
      );
    }
    for (const unit of missing) savedUnits.add(unit.hash);
    const hashes = (map: ReadonlyMap<string, UnitText>): Record<string, string> =>
      Object.fromEntries([...map].map(([api, unit]) => [api, unit.hash]));
    for (const unit of missing) sums.set(unit.hash, crc32(unit.text));
    const manifest: Manifest = {
      revision,
      hash,
      wanted: hashes(wanted),
      live: hashes(live),
      sums: Object.fromEntries([...units.keys()].map((one) => [one, sums.get(one) ?? 0])),
    };
    await writeWhole(manifestFile, [JSON.stringify(manifest)]);
    for (const old of [...savedUnits].filter((one) => !units.has(one))) {
      savedUnits.delete(old);
      sums.delete(old);
      await rm(join(unitsDirectory, `${old}.json`), { force: true });
    }
  };

  const loadConfiguration = async (): Promise<SavedConfiguration | undefined> => {
    const manifest = await readJson(manifestFile);
    if (manifest === undefined) return undefined;
    if (!isManifest(manifest)) throw new Error("the manifest is damaged");
    for (const [one, sum] of Object.entries(manifest.sums)) sums.set(one, sum);
    const read = async (hashes: Readonly<Record<string, string>>): Promise<Map<string, UnitText>> => {
      const units = new Map<string, UnitText>();
      const entries = Object.entries(hashes);
      for (let from = 0; from < entries.length; from += filesAtOnce) {
        const some = entries.slice(from, from + filesAtOnce).map(async ([api, hash]) => {
          try {
            const text = await readFile(join(unitsDirectory, `${hash}.json`), "utf8");
            // One that is not as it was written would say something else, or keep the others from being served.
            if (crc32(text) !== sums.get(hash)) throw new Error("its bytes are not those that were written");
            units.set(api, { api, hash, text });
          } catch (thrown) {
            savedUnits.delete(hash);
            log.error("a unit of the saved snapshot cannot be read", { api, hash, reason: messageOf(thrown) });
          }
        });
        await Promise.all(some);
      }
      return units;
    };
    const wanted = await read(manifest.wanted);
    const differing = Object.entries(manifest.live).filter(([api, hash]) => manifest.wanted[api] !== hash);
    const live = new Map(wanted);
    for (const api of wanted.keys()) if (!Object.hasOwn(manifest.live, api)) live.delete(api);
    for (const [api, unit] of await read(Object.fromEntries(differing))) live.set(api, unit);
    return { revision: manifest.revision, hash: manifest.hash, wanted, live };
  };

  const loadAccess = async (): Promise<AccessWriter> => {
    const pointed = await sequenceOfTable();
    // Before the first whole table there is only the journal.
    sequence = pointed ?? 0;
    const writer =
      pointed === undefined
        ? createAccessWriter()
        : createAccessWriter(parseTables(await readFile(tableName(pointed))));
    // The writer that crashed may have left the last line unfinished; it was never reported as applied.
    const lines = (await readFile(journalName(sequence), "utf8").catch(() => "")).split("\n").slice(0, -1);
    for (const line of lines) writer.apply(JSON.parse(line) as AccessDelta);
    await startJournal(sequence);
    journalBytes = lines.reduce((sum, line) => sum + line.length, 0);
    return writer;
  };

  /** Where the pointer is lost, the newest table counts: an older one is removed only when the pointer names the newer. */
  const sequenceOfTable = async (): Promise<number | undefined> => {
    const there = (await readdir(directory)).flatMap((name) => /^access-(\d+)\.bin$/.exec(name)?.slice(1) ?? []);
    const newest = there.length === 0 ? undefined : Math.max(...there.map(Number));
    const pointer = await readJson(accessFile);
    if (isPointer(pointer) && there.includes(String(pointer.sequence))) return pointer.sequence;
    if (pointer !== undefined)
      log.error("the pointer to the saved access table is damaged; the newest table is used", { sequence: newest });
    return newest;
  };

  const startJournal = async (n: number): Promise<FileHandle> => {
    const journal = await open(journalName(n), "a", fileMode);
    journals.push(journal);
    return journal;
  };

  const inOrder = (act: () => Promise<void>): Promise<void> => {
    const done = accessWork.then(act);
    accessWork = done.catch((thrown: unknown) => {
      log.error("the access table could not be saved", { reason: messageOf(thrown) });
    });
    return accessWork;
  };

  return {
    load: async () => {
      let configuration: SavedConfiguration | undefined;
      try {
        configuration = await loadConfiguration();
      } catch (thrown) {
        log.error("the saved snapshot cannot be read", { reason: messageOf(thrown) });
      }
      try {
        return { configuration, access: await loadAccess() };
      } catch (thrown) {
        log.error("the saved access table cannot be read; no key is known until control sends them", {
          reason: messageOf(thrown),
        });
        if (journals.length === 0) await startJournal(sequence);
        return { configuration, access: createAccessWriter() };
      }
    },
    saveConfiguration: (take) => {
      waiting = take;
      saving ??= saveNewest();
    },
    appendAccess: (deltas) =>
      inOrder(async () => {
        const text = deltas.map((delta) => `${JSON.stringify(delta)}\n`).join("");
        journalBytes += text.length;
        for (const journal of journals) await journal.write(text);
        await journals.at(-1)?.datasync();
      }),
    saveAccess: (access) => {
      // The copy is taken now, and from now on changes go to the next journal too: together they are whole at any moment.
      const parts = tableParts(access.buffers);
      return inOrder(async () => {
        const before = sequence;
        const next = sequence + 1;
        await rm(journalName(next), { force: true });
        const journal = await startJournal(next);
        await writeWhole(tableName(next), parts);
        await writeWhole(accessFile, [JSON.stringify({ sequence: next })]);
        sequence = next;
        journalBytes = 0;
        const old = journals.filter((one) => one !== journal);
        journals = [journal];
        for (const one of old) await one.close();
        await rm(tableName(before), { force: true });
        await rm(journalName(before), { force: true });
      });
    },
    get journalBytes() {
      return journalBytes;
    },
    close: async () => {
      isClosing = true;
      pause?.();
      while (saving !== null) await saving;
      await accessWork;
      for (const journal of journals.splice(0)) await journal.close();
    },
  };
};

/** Writes a file so that after a crash either the old or the new one is there, whole. */
const writeWhole = async (path: string, parts: readonly (string | Uint8Array)[]): Promise<void> => {
  const beside = `${path}.new`;
  const file = await open(beside, "w", fileMode);
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
};

/** What a file says; undefined where it is absent, as on the first start, and null where it is damaged. */
const readJson = async (path: string): Promise<unknown> => {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    return JSON.parse(text);
  } catch {
    // The caller decides what damage means.
    return null;
  }
};

interface Manifest {
  readonly revision: number;
  readonly hash: string;
  readonly wanted: Readonly<Record<string, string>>;
  readonly live: Readonly<Record<string, string>>;
  /** CRC-32 of each unit's text by its hash, which names what it means and not its bytes. */
  readonly sums: Readonly<Record<string, number>>;
}

const isManifest = (value: unknown): value is Manifest =>
  isObject(value) &&
  typeof value.revision === "number" &&
  typeof value.hash === "string" &&
  isObject(value.wanted) &&
  isObject(value.live) &&
  isObject(value.sums);

const isPointer = (value: unknown): value is { readonly sequence: number } =>
  isObject(value) && Number.isInteger(value.sequence);

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === "object";

/** A copy of the tables with their lengths and their sum in front. */
const tableParts = ({ keys, records, strings }: AccessBuffers): readonly Uint8Array[] => {
  const parts = [keys, records, strings].map((buffer) => new Uint8Array(buffer).slice());
  const sum = parts.reduce((before, part) => crc32(part, before), 0);
  const head = new Float64Array([...parts.map((part) => part.byteLength), sum]);
  return [Buffer.from(magic), new Uint8Array(head.buffer), ...parts];
};

const parseTables = (bytes: Buffer): AccessBuffers => {
  if (bytes.toString("latin1", 0, magic.length) !== magic) throw new Error("not an access table");
  const head = new Float64Array(
    bytes.buffer.slice(bytes.byteOffset + magic.length, bytes.byteOffset + magic.length + headBytes),
  );
  let at = magic.length + headBytes;
  if (crc32(bytes.subarray(at)) !== head[3]) throw new Error("the access table is damaged");
  const [keys, records, strings] = [...head.subarray(0, 3)].map((length, index) => {
    if (at + length > bytes.byteLength) throw new Error("the access table is cut off");
    const buffer = index === 0 ? new SharedArrayBuffer(length) : growableBuffer(length, arenaBytesMax);
    new Uint8Array(buffer).set(bytes.subarray(at, at + length));
    at += length;
    return buffer;
  });
  if (!keys || !records || !strings) throw new Error("the access table is cut off");
  return { keys, records, strings };
};
