import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { type Kysely, type QueryExecutorProvider, sql } from "kysely";
import { type Clock, systemClock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { uuidv7 } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { openDatabase, transaction } from "./database.ts";
import { withLease } from "./lease.ts";
import { appliedSteps, digestOf, makeBookkeeping, migrate, restoreMarker, type Step } from "./migrate.ts";

/** What a backup holds, as `backup` reports and `restore` verified it. */
export interface BackupSummary {
  readonly createdAt: string;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly sha256: string;
}

const format = "portico-backup";
const formatVersion = 1;
const rowsPerFetch = 500;
const batchCharactersMax = 4_000_000;
/** No row comes near: the largest hold documents, which are limited far below. */
const lineBytesMax = 512 * 1024 * 1024;

/** The first line of a backup. */
interface Header {
  readonly format: string;
  readonly version: number;
  readonly createdAt: string;
  readonly steps: readonly { readonly name: string; readonly sha256: string }[];
}

/** Stands before the rows of a table; each row is an array of the columns' text forms. */
interface TableLine {
  readonly table: string;
  readonly columns: readonly string[];
}

/** The last line: what must have come before. */
interface Trailer {
  readonly end: true;
  readonly rows: Readonly<Record<string, number>>;
  /** Of all bytes before this line. */
  readonly sha256: string;
}

/**
 * Writes the platform's tables as they are at one moment into one file: gzip, one JSON value per line, every value in
 * PostgreSQL's own text form, so that it comes back exactly. The file gets its name when it is whole; its mode is 0600.
 */
export const backup = async (options: {
  readonly url: string;
  readonly file: string;
  /** The migration steps of this program; they name the tables. */
  readonly steps: readonly Step[];
  readonly log: Log;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}): Promise<BackupSummary> => {
  const { steps, log, signal } = options;
  const createdAt = new Date((options.clock ?? systemClock).nowMs()).toISOString();
  const database = openDatabase({
    url: options.url,
    log,
    connectionsMax: 1,
    statementMsMax: 0,
    applicationName: "portico backup",
  });
  const draft = `${options.file}.${uuidv7()}`;
  try {
    return await transaction(
      database.db,
      async (trx) => {
        await sql`set local timezone = 'UTC'`.execute(trx);
        const applied = await appliedSteps(trx);
        if (applied.length === 0) {
          throw new Fault("store.nothing_to_back_up", {
            public: "The database holds no platform: it was never started with one.",
          });
        }
        const summary: { value?: BackupSummary } = {};
        const header: Header = { format, version: formatVersion, createdAt, steps: applied };
        await pipeline(
          Readable.from(writeLines(trx, header, steps, summary)),
          createGzip(),
          createWriteStream(draft, { flags: "wx", mode: 0o600, flush: true }),
          ...(signal === undefined ? [] : [{ signal }]),
        );
        await rename(draft, options.file);
        await syncDirectory(dirname(options.file));
        if (summary.value === undefined) throw new Error("a backup ended without its last line");
        return summary.value;
      },
      { isolation: "repeatable read", attemptsMax: 1, ...(signal === undefined ? {} : { signal }) },
    );
  } finally {
    await rm(draft, { force: true });
    await database.close();
  }
};

/**
 * Loads a backup into an empty database, wholly or not at all: the file is verified first, and all rows are loaded in one
 * transaction. A restore that was cut short can be run again. Afterwards the schema is this program's.
 */
export const restore = async (options: {
  readonly url: string;
  readonly file: string;
  readonly steps: readonly Step[];
  readonly log: Log;
  readonly signal?: AbortSignal;
}): Promise<BackupSummary> => {
  const { file, log } = options;
  const { header, trailer } = await verify(file);
  const had = stepsOf(header, options.steps);
  const database = openDatabase({ url: options.url, log, connectionsMax: 4, applicationName: "portico restore" });
  const { db } = database;
  const hold = {
    name: restoreMarker,
    log,
    waitMsMax: 30_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  try {
    await refuseFull(db);
    await makeBookkeeping(db);
    await withLease(db, hold, async (lease, signal) => {
      await migrate(db, had, { log, signal, isRestore: true });
      await transaction(
        db,
        async (trx) => {
          await sql`set local statement_timeout = 0`.execute(trx);
          await sql`set local timezone = 'UTC'`.execute(trx);
          await load(trx, file, had, signal);
          // Removing the marker under our fence is the proof that nobody else restores, and the end of the restore.
          const { rows } = await sql`
            delete from portico_lease where name = ${lease.name} and fence = ${lease.fence} returning name`.execute(
            trx,
          );
          if (rows.length !== 1) throw new Fault("store.lease_lost", { public: "Another restore took over." });
        },
        { isolation: "read committed", signal },
      );
    });
    await migrate(db, options.steps, { log, ...(options.signal === undefined ? {} : { signal: options.signal }) });
    return { createdAt: header.createdAt, rows: trailer.rows, sha256: trailer.sha256 };
  } finally {
    await database.close();
  }
};

/** The lines of a backup, with a checksum over all but the last. */
async function* writeLines(
  trx: QueryExecutorProvider,
  header: Header,
  steps: readonly Step[],
  summary: { value?: BackupSummary },
): AsyncGenerator<string> {
  const hash = createHash("sha256");
  const line = (value: Header | TableLine | readonly (string | null)[]): string => {
    const text = `${JSON.stringify(value)}\n`;
    hash.update(text);
    return text;
  };
  const rows: Record<string, number> = {};
  yield line(header);
  for (const table of await inOrderOfReference(trx, await platformTables(trx, steps))) {
    const columns = await columnsOf(trx, table);
    yield line({ table, columns: columns.map(({ name }) => name) });
    rows[table] = 0;
    const selected = columns.map(({ name }) => sql`${sql.id(name)}::text as ${sql.id(name)}`);
    await sql`declare backup_rows no scroll cursor for select ${sql.join(selected)} from ${sql.table(table)}`.execute(
      trx,
    );
    for (;;) {
      const batch = await sql<
        Record<string, string | null>
      >`fetch forward ${sql.lit(rowsPerFetch)} from backup_rows`.execute(trx);
      if (batch.rows.length === 0) break;
      for (const row of batch.rows) yield line(columns.map(({ name }) => row[name] ?? null));
      rows[table] += batch.rows.length;
    }
    await sql`close backup_rows`.execute(trx);
  }
  const sha256 = hash.digest("hex");
  const trailer: Trailer = { end: true, rows, sha256 };
  yield `${JSON.stringify(trailer)}\n`;
  summary.value = { createdAt: header.createdAt, rows, sha256 };
}

/** The tables that the steps made and that are there now; other programs' tables in the same schema are not ours to copy. */
const platformTables = async (db: QueryExecutorProvider, steps: readonly Step[]): Promise<string[]> => {
  const made = new Set<string>();
  for (const { sql: text } of steps) {
    const name = /\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?|\brename\s+to\s+"?(\w+)"?/i.exec(text);
    const table = name?.[1] ?? name?.[2];
    if (table !== undefined) made.add(table);
  }
  const { rows } = await sql<{ table_name: string }>`
    select table_name from information_schema.tables
    where table_schema = current_schema() and table_type = 'BASE TABLE' order by table_name`.execute(db);
  return rows.map(({ table_name }) => table_name).filter((name) => made.has(name));
};

/** Tables that others refer to come first. */
const inOrderOfReference = async (db: QueryExecutorProvider, tables: readonly string[]): Promise<string[]> => {
  const { rows } = await sql<{ referring: string; referred: string }>`
    select referring.relname as referring, referred.relname as referred
    from pg_constraint as c
    join pg_class as referring on referring.oid = c.conrelid
    join pg_class as referred on referred.oid = c.confrelid
    join pg_namespace as n on n.oid = referring.relnamespace
    where c.contype = 'f' and n.nspname = current_schema()`.execute(db);
  const ordered: string[] = [];
  const left = new Set(tables);
  while (left.size > 0) {
    const free = [...left].filter((table) => !rows.some((row) => row.referring === table && left.has(row.referred)));
    if (free.length === 0) {
      throw new Fault("store.reference_cycle", {
        public: `The tables ${[...left].join(", ")} refer to each other in a circle and cannot be restored one after the other.`,
      });
    }
    for (const table of free) left.delete(table);
    ordered.push(...free);
  }
  return ordered;
};

const columnsOf = async (
  db: QueryExecutorProvider,
  table: string,
): Promise<{ readonly name: string; readonly type: string }[]> => {
  const { rows } = await sql<{ name: string; type: string }>`
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
    from pg_attribute as a
    join pg_class as t on t.oid = a.attrelid
    join pg_namespace as n on n.oid = t.relnamespace
    where n.nspname = current_schema() and t.relname = ${table}
      and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by a.attnum`.execute(db);
  return rows;
};

const refuseFull = async (db: QueryExecutorProvider): Promise<void> => {
  if ((await appliedSteps(db)).length === 0) return;
  const { rows } = await sql`select 1 from portico_lease where name = ${restoreMarker}`.execute(db);
  if (rows.length > 0) return;
  throw new Fault("store.not_empty", {
    public:
      "The database already holds a platform. A backup is restored into an empty database: another data directory (--data DIR), or another DATABASE_URL.",
    status: 409,
  });
};

/** Our steps that the backed-up database had run. */
const stepsOf = (header: Header, steps: readonly Step[]): Step[] => {
  const known = new Map(steps.map((step) => [step.name, step]));
  return header.steps.map(({ name, sha256 }) => {
    const step = known.get(name);
    if (step !== undefined && digestOf(step) === sha256) return step;
    throw new Fault("store.backup_newer", {
      public: `The backup was written by a newer Portico (step "${name}" of the database's schema is ${step === undefined ? "not known" : "another one"} here). Restore it with that version.`,
    });
  });
};

const load = async <Tables>(
  trx: Kysely<Tables>,
  file: string,
  steps: readonly Step[],
  signal: AbortSignal,
): Promise<void> => {
  const tables = await inOrderOfReference(trx, await platformTables(trx, steps));
  // Steps may have written rows of their own, which the backup holds as well.
  for (const table of tables.toReversed()) await sql`delete from ${sql.table(table)}`.execute(trx);
  let target: { readonly table: string; readonly columns: readonly { name: string; type: string }[] } | undefined;
  let batch: (readonly (string | null)[])[] = [];
  let batchCharacters = 0;
  const flush = async (): Promise<void> => {
    if (target !== undefined && batch.length > 0) await insert(trx, target.table, target.columns, batch);
    batch = [];
    batchCharacters = 0;
  };
  for await (const text of readLines(file)) {
    signal.throwIfAborted();
    const value: unknown = JSON.parse(text);
    if (isRow(value)) {
      batch.push(value);
      batchCharacters += text.length;
      if (batch.length >= rowsPerFetch || batchCharacters >= batchCharactersMax) await flush();
    } else if (isTableLine(value)) {
      await flush();
      if (!tables.includes(value.table))
        throw damaged(file, `it has rows of a table "${value.table}" that its steps did not make`);
      const there = await columnsOf(trx, value.table);
      const columns = value.columns.map((name) => {
        const column = there.find((one) => one.name === name);
        if (column === undefined)
          throw damaged(file, `it has a column "${value.table}.${name}" that its steps did not make`);
        return column;
      });
      target = { table: value.table, columns };
    }
  }
  await flush();
};

const insert = async (
  trx: QueryExecutorProvider,
  table: string,
  columns: readonly { readonly name: string; readonly type: string }[],
  rows: readonly (readonly (string | null)[])[],
): Promise<void> => {
  const arrays = columns.map((_, index) => sql`cast(${rows.map((row) => row[index] ?? null)} as text[])`);
  // The types come from the catalogue of the database itself.
  const cast = columns.map(({ name, type }) => sql`cast(r.${sql.id(name)} as ${sql.raw(type)})`);
  const names = columns.map(({ name }) => sql.id(name));
  await sql`
    insert into ${sql.table(table)} (${sql.join(names)})
    select ${sql.join(cast)} from unnest(${sql.join(arrays)}) as r(${sql.join(names)})`.execute(trx);
};

/** What a file holds, checked from the first line to the last. Throws what `restore` throws for it; needs no database. */
export const readBackupSummary = async (file: string): Promise<BackupSummary> => {
  const { header, trailer } = await verify(file);
  return { createdAt: header.createdAt, rows: trailer.rows, sha256: trailer.sha256 };
};

/** Reads the whole file once, and believes it only when its last line agrees with everything before. */
const verify = async (file: string): Promise<{ header: Header; trailer: Trailer }> => {
  const hash = createHash("sha256");
  const rows: Record<string, number> = {};
  let header: Header | undefined;
  let trailer: Trailer | undefined;
  let table: string | undefined;
  for await (const text of readLines(file)) {
    if (trailer !== undefined) throw damaged(file, "something follows its last line");
    const value = parseLine(file, text);
    if (isTrailer(value)) {
      trailer = value;
      continue;
    }
    hash.update(`${text}\n`);
    if (header === undefined) {
      header = readHeader(file, value);
    } else if (isTableLine(value)) {
      table = value.table;
      rows[table] = 0;
    } else if (isRow(value) && table !== undefined) {
      rows[table] = (rows[table] ?? 0) + 1;
    } else {
      throw damaged(file, "a line is neither a table nor a row");
    }
  }
  if (header === undefined || trailer === undefined) throw damaged(file, "it ends too early");
  if (hash.digest("hex") !== trailer.sha256) throw damaged(file, "its checksum does not agree");
  for (const name of new Set([...Object.keys(rows), ...Object.keys(trailer.rows)])) {
    if (rows[name] !== trailer.rows[name]) throw damaged(file, `rows of "${name}" are missing`);
  }
  return { header, trailer };
};

const readHeader = (file: string, value: unknown): Header => {
  if (typeof value !== "object" || value === null || !("format" in value) || value.format !== format) {
    throw new Fault("store.not_a_backup", {
      public: "The file is not a backup of Portico.",
      internal: file,
      status: 422,
    });
  }
  if (!("version" in value) || value.version !== formatVersion) {
    throw new Fault("store.backup_newer", {
      public:
        "The backup was written in a format that this Portico does not know. Restore it with the version that wrote it.",
      internal: file,
      status: 422,
    });
  }
  if ("createdAt" in value && typeof value.createdAt === "string" && "steps" in value && Array.isArray(value.steps)) {
    const steps = value.steps.filter(isStepRecord);
    if (steps.length === value.steps.length)
      return { format, version: formatVersion, createdAt: value.createdAt, steps };
  }
  throw damaged(file, "its first line is not whole");
};

const parseLine = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault("store.not_a_backup", {
      public: "The file is not a backup of Portico.",
      internal: file,
      status: 422,
      cause,
    });
  }
};

/** Splits by line feed only: JSON strings may hold U+2028, at which `node:readline` would cut. */
async function* readLines(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const unpacked = createGunzip();
  source.on("error", (error) => unpacked.destroy(error));
  let parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of source.pipe(unpacked)) {
      if (!Buffer.isBuffer(chunk)) continue;
      let from = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, at));
        yield Buffer.concat(parts).toString("utf8");
        parts = [];
        bytes = 0;
        from = at + 1;
      }
      parts.push(chunk.subarray(from));
      bytes += chunk.length - from;
      if (bytes > lineBytesMax) throw damaged(file, "a line is too long");
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("store.not_a_backup", {
      public: "The file is not a backup of Portico, or not a whole one.",
      internal: file,
      status: 422,
      cause,
    });
  } finally {
    source.destroy();
  }
  if (bytes > 0) throw damaged(file, "it ends too early");
}

const isRow = (value: unknown): value is readonly (string | null)[] =>
  Array.isArray(value) && value.every((field) => field === null || typeof field === "string");

const isTableLine = (value: unknown): value is TableLine =>
  typeof value === "object" &&
  value !== null &&
  "table" in value &&
  typeof value.table === "string" &&
  "columns" in value &&
  Array.isArray(value.columns) &&
  value.columns.every((column) => typeof column === "string");

const isTrailer = (value: unknown): value is Trailer =>
  typeof value === "object" &&
  value !== null &&
  "end" in value &&
  value.end === true &&
  "sha256" in value &&
  typeof value.sha256 === "string" &&
  "rows" in value &&
  typeof value.rows === "object" &&
  value.rows !== null;

const isStepRecord = (value: unknown): value is { name: string; sha256: string } =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  typeof value.name === "string" &&
  "sha256" in value &&
  typeof value.sha256 === "string";

const damaged = (file: string, why: string): Fault =>
  new Fault("store.backup_damaged", {
    public: `The backup is damaged: ${why}. Nothing was restored.`,
    internal: file,
    status: 422,
  });

const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
};
