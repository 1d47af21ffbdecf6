import { spawn } from "node:child_process";
import { mkdtemp, realpath } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kysely } from "kysely";
import pg from "pg";
import { silentLog } from "../base/log.ts";
import { openDatabase } from "./database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";

/** A database of its own for one test. */
export interface TestDatabase<Tables> {
  readonly url: string;
  readonly db: Kysely<Tables>;
  /** Closes the connections and drops the database. */
  close(): Promise<void>;
}

/**
 * A fresh, empty database in real PostgreSQL: one server per test process, without fsync, gone with the process however
 * that ends. `prepare` (migrations, say) runs once per process and function; its outcome is cloned for every call.
 */
export const openTestDatabase = async <Tables = unknown>(
  options: { readonly prepare?: (db: Kysely<Tables>) => Promise<unknown> } = {},
): Promise<TestDatabase<Tables>> => {
  server ??= startTestServer();
  const { url: adminUrl } = await server;
  const template = options.prepare === undefined ? "template1" : await prepared(adminUrl, options.prepare);
  const name = nextName("test");
  await administer(adminUrl, `create database ${name} template ${template} strategy = file_copy`);
  const url = urlOf(adminUrl, name);
  const database = openDatabase<Tables>({ url, log: silentLog, keepsProcessAlive: false });
  return {
    url,
    db: database.db,
    close: async () => {
      await database.close();
      await administer(adminUrl, `drop database ${name} with (force)`);
    },
  };
};

let server: Promise<EmbeddedPostgres> | undefined;
let names = 0;
const templates = new Map<unknown, Promise<string>>();

const nextName = (kind: string): string => {
  names += 1;
  return `${kind}_${process.pid}_${names}`;
};

const startTestServer = async (): Promise<EmbeddedPostgres> => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "portico-test-")));
  watchOver(directory);
  return await startEmbeddedPostgres({
    dataDir: directory,
    log: silentLog,
    isDurable: false,
    keepsProcessAlive: false,
    settings: { max_connections: "120", autovacuum: "off" },
  });
};

/**
 * A shell that waits on a pipe from us. The pipe closes when we end, even by SIGKILL; then the shell ends the server and
 * removes the directory. It runs in a session of its own, so that Ctrl-C ends us and not it.
 */
const watchOver = (directory: string): void => {
  const script = `
    cat >/dev/null
    for turn in 1 2 3 4 5 6 7 8 9 10; do
      for file in "$1"/postgres/cluster/postmaster.pid; do
        [ -f "$file" ] && kill -QUIT "$(head -n 1 "$file")" 2>/dev/null
      done
      rm -rf "$1" 2>/dev/null && sleep 0.2
      [ -d "$1" ] || exit 0
      sleep 0.2
    done`;
  const child = spawn("/bin/sh", ["-c", script, "portico-test-watch", directory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
};

const prepared = <Tables>(adminUrl: string, prepare: (db: Kysely<Tables>) => Promise<unknown>): Promise<string> => {
  const known = templates.get(prepare);
  if (known !== undefined) return known;
  const made = (async () => {
    const name = nextName("template");
    await administer(adminUrl, `create database ${name}`);
    const database = openDatabase<Tables>({ url: urlOf(adminUrl, name), log: silentLog, keepsProcessAlive: false });
    try {
      await prepare(database.db);
    } finally {
      await database.close();
    }
    return name;
  })();
  templates.set(prepare, made);
  return made;
};

const urlOf = (adminUrl: string, name: string): string => {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
};

const administer = async (adminUrl: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
};
