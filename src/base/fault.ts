/** What a fault carries beside its code: one text for the caller, one for the log, and where it happened. */
export interface FaultDetail {
  /** What the caller may know: what happened, why, and the next step. Never a secret, host, path or stack trace. */
  readonly public: string;
  /** What the log needs in addition. */
  readonly internal?: string;
  /** HTTP status where the fault becomes a reply; 500 unless told. */
  readonly status?: number;
  /** Machine-readable findings, each with its place. */
  readonly findings?: readonly Finding[];
  readonly cause?: unknown;
}

/** One thing wrong with what somebody gave us, with its place. Lines and columns count from 1. */
export interface Finding {
  readonly message: string;
  /** The file as the person knows it, relative to the bundle or as given on the command line. */
  readonly file?: string;
  /** Where in the value: `apis.orders.inbound[0].rate-limit.window`, or a JSON pointer for documents. */
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
  /** What to do about it. */
  readonly next?: string;
}

/** An outage or a refusal with a stable code (`noun.what_happened`) that crosses rooms as an exception. */
export class Fault extends Error {
  readonly code: string;
  readonly status: number;
  readonly internal: string | undefined;
  readonly findings: readonly Finding[];

  constructor(code: string, detail: FaultDetail) {
    super(detail.public, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "Fault";
    this.code = code;
    this.status = detail.status ?? 500;
    this.internal = detail.internal;
    this.findings = detail.findings ?? [];
  }
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** Narrows what was thrown to a system error with a code (`ECONNREFUSED`, `ENOENT`, ...). */
export const systemCodeOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
