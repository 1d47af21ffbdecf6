/** Why a call was recorded: a token asked for it, the share of all calls, a trace, or because it failed. */
export type ExplainReason = "asked" | "sampled" | "traced" | "failed";

/** Something that a step changed. Absent sides: it was not there before, or is not there any more. Secrets are redacted. */
export interface ExplainedChange {
  /** `request.header`, `reply.header`, `method`, `path`, `query`, `variable`, `caller`, `backend`, `status`, `request.body`, ... */
  readonly what: string;
  /** The header's or variable's name; empty where there is only one. */
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** What a step decided. */
export interface ExplainedDecision {
  /** `went-on`; `replied`: made the reply; `refused`: with a code; `failed`: threw; `forwarded`: the backend was asked; `cut-off`: the call ended under it. */
  readonly kind: "went-on" | "replied" | "refused" | "failed" | "forwarded" | "cut-off";
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
}

/** One request to a backend. Times are microseconds since the call began. */
export interface ExplainedAttempt {
  /** Host and port. */
  readonly target: string;
  /** Since when it waited for a connection; absent where one was free. */
  readonly queuedUs?: number;
  readonly sentUs?: number;
  /** When the head of the reply was there. */
  readonly replyUs?: number;
  readonly status?: number;
  readonly code?: string;
  readonly endUs?: number;
  readonly spanId?: string;
}

/** One step that ran. */
export interface ExplainedStep {
  readonly policy: string;
  readonly section: string;
  /** `platform`, `workspace`, `product`, `api`, `operation`; empty for what the engine does by itself. */
  readonly scope: string;
  /** Where it was declared; empty for what the engine does by itself. */
  readonly file: string;
  readonly path: string;
  /** Known where the file's text is: put in by control. */
  readonly line?: number;
  readonly startUs: number;
  readonly durationUs: number;
  readonly decision: ExplainedDecision;
  readonly changes: readonly ExplainedChange[];
  readonly notes: readonly { readonly name: string; readonly value: string | number | boolean | null }[];
  readonly attempts: readonly ExplainedAttempt[];
  /** Steps of blocks within it, in order of their begin. */
  readonly steps: readonly ExplainedStep[];
}

/** A head and what was kept of its body. */
interface ExplainedMessage {
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Only where the token asked for bodies: the first bytes as text. */
  readonly body?: string;
}

/** Everything that was decided about one call. Travels as JSON from a gateway to control and to who asks. */
export interface Explanation {
  /** The request id. */
  readonly id: string;
  readonly time: string;
  readonly revision: number;
  readonly reason: ExplainReason;
  /** False where only the end of the call is known, since nobody had asked before: then there are no steps. */
  readonly isComplete: boolean;
  readonly trace?: {
    readonly traceId: string;
    readonly spanId: string;
    readonly parentSpanId: string;
    readonly state: string;
  };
  readonly request: ExplainedMessage & {
    readonly method: string;
    readonly scheme: string;
    readonly host: string;
    readonly path: string;
    readonly query: string;
    readonly clientIp: string;
  };
  readonly route: {
    /** `found`, or why not. */
    readonly outcome:
      | "found"
      | "malformed"
      | "not-ready"
      | "no-api"
      | "no-version"
      | "no-operation"
      | "wrong-method"
      | "options";
    readonly message: string;
    readonly api: string;
    readonly apiPath: string;
    readonly version: string;
    readonly operation: string;
    readonly method: string;
    readonly pathTemplate: string;
  };
  readonly caller: Readonly<Record<string, string>> | null;
  readonly steps: readonly ExplainedStep[];
  /** Facts that nobody's step gave. */
  readonly notes: ExplainedStep["notes"];
  readonly fault: {
    readonly code: string;
    readonly source: string;
    readonly section: string;
    readonly message: string;
  } | null;
  readonly reply: ExplainedMessage & { readonly status: number };
  readonly outcome: {
    readonly status: number;
    readonly isAborted: boolean;
    readonly requestBytes: number;
    readonly responseBytes: number;
    readonly durationUs: number;
  };
  /** Steps, changes and notes beyond the bounds of a record. */
  readonly leftOut: number;
}
