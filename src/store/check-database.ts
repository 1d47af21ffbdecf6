import { type Kysely, sql } from "kysely";
import { Fault, messageOf } from "../base/fault.ts";
import { sqlStateOf } from "./database-fault.ts";

/** The oldest major version that our statements run on. */
const majorMin = 14;

/**
 * Asks a database that somebody else runs whether it can hold the platform's tables. Refuses with `store.database_unusable`, whose
 * message names the place (never the password), the reason and the next step. Waits for a server that is being started as every query does.
 */
export const checkDatabase = async <T>(db: Kysely<T>, url: string): Promise<void> => {
  const found = await ask(db).catch((thrown: unknown) => {
    throw unusable(url, reasonOf(thrown), nextStepOf(thrown), thrown);
  });
  if (found === undefined) return;
  const major = Math.trunc(found.version / 10_000);
  if (major < majorMin) throw unusable(url, `it is PostgreSQL ${major}`, `Use PostgreSQL ${majorMin} or later.`);
  if (!/^utf-?8$/i.test(found.encoding)) {
    throw unusable(url, `its encoding is ${found.encoding}`, "Create a database with encoding UTF8.");
  }
  if (found.isReadOnly) throw unusable(url, "it takes no writes", "Use the address of the primary server.");
  if (found.schema === null) throw unusable(url, "its search path leads to no schema", "Set one for the role.");
  if (!found.mayCreate) {
    throw unusable(
      url,
      `the role may not create tables in the schema ${found.schema}`,
      `Let the owner run: grant usage, create on schema ${found.schema} to the role; or make it the database's owner.`,
    );
  }
};

interface Found {
  readonly version: number;
  readonly encoding: string;
  readonly isReadOnly: boolean;
  readonly schema: string | null;
  readonly mayCreate: boolean;
}

const ask = async <T>(db: Kysely<T>): Promise<Found | undefined> => {
  // What cannot be reached, or lets nobody in, fails here.
  await sql`select 1`.execute(db);
  try {
    const { rows } = await sql<{
      version: string;
      encoding: string;
      read_only: string;
      schema: string | null;
      may_create: boolean | null;
    }>`select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
      current_setting('transaction_read_only') as read_only, current_schema() as schema,
      has_schema_privilege(current_schema(), 'create') as may_create`.execute(db);
    const [row] = rows;
    if (row === undefined) return undefined;
    const { version, encoding, schema } = row;
    const isReadOnly = row.read_only === "on";
    return { version: Number(version), encoding, isReadOnly, schema, mayCreate: row.may_create !== false };
  } catch {
    // A relative of PostgreSQL that lacks one of these answers is taken at its word: the migrations will tell.
    return undefined;
  }
};

const unusable = (url: string, reason: string, next: string, cause?: unknown): Fault =>
  new Fault("store.database_unusable", {
    public: `DATABASE_URL leads to ${placeOf(url)}, which cannot be used: ${reason}. ${next}`,
    status: 503,
    ...(cause === undefined ? {} : { cause }),
  });

const placeOf = (url: string): string => {
  if (!URL.canParse(url)) return "a database";
  const { hostname, port, pathname, username, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? hostname;
  const role = username === "" ? "" : ` as ${decodeURIComponent(username)}`;
  return `the database "${decodeURIComponent(pathname.slice(1))}" at ${host}${port === "" ? "" : `:${port}`}${role}`;
};

const reasonOf = (thrown: unknown): string => {
  if (thrown instanceof Fault && thrown.internal) return thrown.internal;
  return messageOf(thrown);
};

const nextStepOf = (thrown: unknown): string => {
  const state = sqlStateOf(thrown) ?? "";
  if (state.startsWith("28")) return "Check the role and its password, and the server's pg_hba.conf.";
  if (state === "3D000") return "Create the database (create database NAME owner ROLE), or correct its name.";
  if (state === "53300") return "The server has no connection left: raise max_connections, or end others.";
  if (/ssl|certificate|self.signed/i.test(messageOf(thrown)))
    return "Correct sslmode in the URL, or the server's certificate.";
  return "Check host and port, and whether the server runs and lets this machine in.";
};
