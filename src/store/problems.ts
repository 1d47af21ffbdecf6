import type { ProblemTable } from "../base/problem.ts";

/** Every fault of the database and its server. Codes are never reused. */
export const storeProblems = {
  "store.unavailable": {
    status: 503,
    title: "Database unavailable",
    help: "The platform's database does not answer. Gateways serve on; try again in a moment.",
  },
  "store.busy": { status: 503, title: "Database busy", help: "Every connection is in use. Try again in a moment." },
  "store.too_slow": {
    status: 503,
    title: "Database too slow",
    help: "A statement exceeded its time. Try again in a moment.",
  },
  "store.contended": {
    status: 503,
    title: "Too many changes at once",
    help: "A transaction was repeated too often. Try again in a moment.",
  },
  "store.commit_unknown": {
    status: 503,
    title: "Outcome unknown",
    help: "The connection broke during the commit. Look whether the change is there before you repeat it.",
  },
  "store.full": {
    status: 507,
    title: "Database full",
    help: "The disk of the platform's database is full. Nothing is lost, and gateways serve on; make room to make changes.",
  },
  "store.read_only": {
    status: 503,
    title: "Database read-only",
    help: "The platform's database takes no writes: it is a standby, or was set so. Use the primary.",
  },
  "store.database_unusable": {
    status: 503,
    title: "Database not usable",
    help: "The database of `DATABASE_URL` cannot be used: the message has its place, the reason and the next step.",
  },
  "store.bad_url": { status: 500, title: "Database URL not valid", help: "`DATABASE_URL` is a `postgres://` URL." },
  "store.no_schema": {
    status: 500,
    title: "No schema",
    help: "The database's search path leads to no schema. Set one for the role.",
  },
  "store.unknown_kind": {
    status: 500,
    title: "Newer data",
    help: "The database was written by a newer version of Portico. Run that version.",
  },
  "store.schema_newer": {
    status: 500,
    title: "Newer schema",
    help: "The database was migrated by a newer version of Portico. Run that version.",
  },
  "store.migration_changed": {
    status: 500,
    title: "Migration changed",
    help: "A migration that was applied reads differently now. Run an unmodified version.",
  },
  "store.migration_failed": {
    status: 500,
    title: "Migration failed",
    help: "The log names the step and the database's reason.",
  },
  "store.lease_held": {
    status: 503,
    title: "Another process is at it",
    help: "The work is done by another process at this moment.",
  },
  "store.lease_lost": {
    status: 503,
    title: "Lease lost",
    help: "Another process took over the work, because this one was silent for too long.",
  },
  "store.no_embedded_postgres": {
    status: 500,
    title: "No PostgreSQL for this platform",
    help: "Set `DATABASE_URL` to a PostgreSQL server.",
  },
  "store.directory_in_use": {
    status: 500,
    title: "Data directory in use",
    help: "Another Portico runs on it; the message has its pid. Stop it, or choose another directory.",
  },
  "store.directory_unreachable": {
    status: 500,
    title: "Data directory unreachable",
    help: "The user that PostgreSQL runs as cannot reach it. The message says what to do.",
  },
  "store.directory_missing": {
    status: 500,
    title: "Data directory missing",
    help: "The place that was recorded for the data is gone. Restore it, or a backup.",
  },
  "store.directory_of_another_user": {
    status: 500,
    title: "Data directory of another user",
    help: "Start Portico as the user that owns the data.",
  },
  "store.cluster_damaged": {
    status: 500,
    title: "Database files damaged",
    help: "Restore a backup; the old directory is left as it is.",
  },
  "store.postgres_version": {
    status: 500,
    title: "Another PostgreSQL version",
    help: "The data was made by another major version. Back up with that version, restore with this one.",
  },
  "store.initialisation_failed": {
    status: 500,
    title: "Database not initialised",
    help: "The log has the output of initdb. `DATABASE_URL` is the alternative.",
  },
  "store.start_failed": { status: 500, title: "Database did not start", help: "The log has PostgreSQL's output." },
  "store.stop_failed": {
    status: 500,
    title: "Database did not stop",
    help: "The old server could not be stopped; the message has its pid.",
  },
  "store.gave_up": {
    status: 500,
    title: "Database keeps crashing",
    help: "It crashed too often in a row. The log has PostgreSQL's output.",
  },
  "store.not_empty": {
    status: 409,
    title: "Database not empty",
    help: "A backup is restored into an empty database, or over this one with confirmation.",
  },
  "store.not_a_backup": { status: 422, title: "Not a backup", help: "The file was not written by `portico backup`." },
  "store.backup_damaged": {
    status: 422,
    title: "Backup damaged",
    help: "The checksum or the structure is wrong. Nothing was changed.",
  },
  "store.backup_newer": {
    status: 422,
    title: "Newer backup",
    help: "The backup was made by a newer version of Portico. Restore it with that version.",
  },
  "store.nothing_to_back_up": {
    status: 422,
    title: "Nothing to back up",
    help: "The database holds none of the platform's tables.",
  },
  "store.restore_unfinished": {
    status: 500,
    title: "Unfinished restore",
    help: "A restore was interrupted. Repeat it.",
  },
  "store.reference_cycle": {
    status: 500,
    title: "Tables refer in a circle",
    help: "The schema cannot be restored in any order: a bug, please report it.",
  },
} as const satisfies ProblemTable;
