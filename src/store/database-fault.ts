import pg from "pg";
import { Fault, messageOf, systemCodeOf } from "../base/fault.ts";

/** SQLSTATEs that mean: the server is not there for us now (PostgreSQL's appendix A). */
const unavailable: ReadonlySet<string> = new Set([
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
  "57P05", // idle_session_timeout
  "25P03", // idle_in_transaction_session_timeout
  "53300", // too_many_connections
]);

/** SQLSTATEs after which the same transaction may succeed: serialization failure (CockroachDB and YugabyteDB too), deadlock. */
const repeatable: ReadonlySet<string> = new Set(["40001", "40P01"]);

/** SQLSTATEs of time limits: statement_timeout, lock_timeout, transaction_timeout. */
const tooSlow: ReadonlySet<string> = new Set(["57014", "55P03", "25P04"]);

const connectionCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** The driver gives these no code. */
const connectionMessages =
  /connection terminated|connection ended|not queryable|client was closed|timeout expired|server closed the connection/i;

/** The SQLSTATE of what a query threw, also when it is wrapped in a fault; undefined when the server said nothing. */
export const sqlStateOf = (thrown: unknown): string | undefined => {
  if (thrown instanceof pg.DatabaseError) return thrown.code;
  return thrown instanceof Fault && thrown.cause !== undefined ? sqlStateOf(thrown.cause) : undefined;
};

/** Whether repeating the whole transaction is what the server asks for. */
export const isRepeatable = (thrown: unknown): boolean => {
  const state = sqlStateOf(thrown);
  if (state !== undefined) return repeatable.has(state);
  // CockroachDB's older servers say it in the text of a plain error.
  return thrown instanceof Error && thrown.message.includes("restart transaction");
};

/** Whether the connection was lost or could not be had, so that the server may be there again in a moment. */
export const isUnavailable = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.code === "store.unavailable";

/** Turns what the driver throws about connections and time limits into faults; statements' own errors stay as they are. */
export const toFault = (thrown: unknown): unknown => {
  if (thrown instanceof pg.DatabaseError) {
    const state = thrown.code ?? "";
    if (unavailable.has(state) || state.startsWith("08")) return unavailableFault(thrown);
    if (tooSlow.has(state)) {
      return new Fault("store.too_slow", {
        public: "The platform's database took too long to answer. Try again in a moment.",
        internal: thrown.message,
        status: 503,
        cause: thrown,
      });
    }
    if (state === "53100") {
      return new Fault("store.full", {
        public: "The disk of the platform's database is full, and the change was not made. Make room, then try again.",
        internal: thrown.message,
        status: 507,
        cause: thrown,
      });
    }
    if (state === "25006") {
      return new Fault("store.read_only", {
        public: "The platform's database takes no writes at the moment.",
        internal: thrown.message,
        status: 503,
        cause: thrown,
      });
    }
    return thrown;
  }
  if (!(thrown instanceof Error) || thrown instanceof Fault) return thrown;
  if (thrown.message.includes("timeout exceeded when trying to connect")) {
    return new Fault("store.busy", {
      public: "The platform's database is busy. Try again in a moment.",
      internal: "every connection of the pool was in use for longer than a caller waits",
      status: 503,
      cause: thrown,
    });
  }
  if (connectionCodes.has(systemCodeOf(thrown) ?? "") || connectionMessages.test(thrown.message)) {
    return unavailableFault(thrown);
  }
  // Several addresses were tried (localhost as ::1 and 127.0.0.1), each in vain.
  if (thrown instanceof AggregateError && thrown.errors.some((one) => toFault(one) !== one))
    return unavailableFault(thrown);
  return thrown;
};

const unavailableFault = (cause: Error): Fault =>
  new Fault("store.unavailable", {
    public: "The platform's database cannot be reached right now. Try again in a moment.",
    internal: messageOf(cause),
    status: 503,
    cause,
  });
