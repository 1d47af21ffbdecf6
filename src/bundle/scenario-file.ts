import { isUtf8 } from "node:buffer";
import { z } from "zod";
import { durationMs } from "../base/duration.ts";
import { schemaIssues } from "../base/schema-issues.ts";
import { nameSchema } from "../model/names.ts";
import { type BundleFinding, pathText } from "./finding.ts";
import { bundleLimits } from "./read-bundle.ts";
import { readYamlText } from "./yaml-text.ts";

/** Bounds of one scenario, so that a mistake in it does not run for ever. */
const callsMax = 200;
const repeatMax = 10_000;

const duration = z
  .union([z.string(), z.number().nonnegative()])
  .refine((value) => durationMs(value) !== undefined, "write a duration such as 500ms, 60s, 5m, 1h or 7d");
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const status = z.int().min(100).max(599);
const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "this cannot be the name of a header");
/** What goes out: a value, or several fields of that name. */
const sentHeaders = z.record(headerName, z.union([scalar, z.array(scalar).max(100)]));
const regular = z.string().refine((source) => {
  try {
    return new RegExp(source, "u").source !== "";
  } catch {
    return false;
  }
}, "this is not a regular expression");
/** What is wanted: exactly this, nothing (null), or what a pattern finds. */
const wanted = z.union([scalar, z.null(), z.strictObject({ matches: regular })]);
const wantedHeaders = z.record(headerName, wanted);

const withBody = {
  /** Bytes as text. */
  body: z.string().optional(),
  /** Any JSON; sets `content-type: application/json` where no header says otherwise. */
  json: z.json().optional(),
};

const answer = z
  .strictObject({
    status: status.optional(),
    headers: sentHeaders.optional(),
    ...withBody,
    /** Virtual time before the reply. */
    delay: duration.optional(),
    /** `refused`: no connection; `reset`: the connection breaks; `silence`: nothing ever comes. */
    failure: z.enum(["refused", "reset", "silence"]).optional(),
  })
  .refine((one) => one.body === undefined || one.json === undefined, "`body` and `json` exclude each other");

/** Answers in a row; the last one stays. */
const stub = z.union([answer, z.array(answer).min(1).max(1000)]);
const stubs = z.record(z.string().min(1).max(2000), stub);

const caller = z.strictObject({
  product: z.string().optional(),
  plan: z.string().optional(),
  subscription: z.string().optional(),
  application: z.string().optional(),
  organization: z.string().optional(),
  state: z.enum(["active", "suspended", "ended"]).optional(),
});

const request = z
  .strictObject({
    method: z
      .string()
      .regex(/^[A-Za-z]{1,30}$/, "write a method such as GET")
      .optional(),
    path: z.string().startsWith("/"),
    scheme: z.enum(["http", "https"]).optional(),
    host: z.string().optional(),
    query: z.record(z.string(), z.union([scalar, z.array(scalar).max(100)])).optional(),
    headers: sentHeaders.optional(),
    ...withBody,
    ip: z.union([z.ipv4(), z.ipv6()]).optional(),
    /** Sent as the key, whatever it is. */
    key: z.string().optional(),
    /** Calls with a key of this caller: a name of `callers`, or the caller itself. */
    caller: z.union([z.string(), caller]).optional(),
  })
  .refine((one) => one.body === undefined || one.json === undefined, "`body` and `json` exclude each other")
  .refine((one) => one.key === undefined || one.caller === undefined, "`key` and `caller` exclude each other");

const wantedUpstream = z.strictObject({
  backend: z.string().optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  /** Each parameter by itself; others may be there. */
  query: z.record(z.string(), wanted).optional(),
  headers: wantedHeaders.optional(),
  body: wanted.optional(),
  json: z.json().optional(),
});

const expectation = z.strictObject({
  status: z.union([status, z.array(status).min(1)]).optional(),
  /** The problem's code of a refusal. */
  code: z.string().optional(),
  headers: wantedHeaders.optional(),
  body: wanted.optional(),
  /** Every field that is written must be there; others may be there too. */
  json: z.json().optional(),
  /** What backends were asked: a number of requests, the only one, or all of them in order. */
  upstream: z.union([z.int().min(0), wantedUpstream, z.array(wantedUpstream)]).optional(),
  explain: z
    .strictObject({
      route: z.string().optional(),
      api: z.string().optional(),
      operation: z.string().optional(),
      /** Policies that ran, in this order; others may have run between them. */
      ran: z.array(z.string()).optional(),
      /** Policies that did not run. */
      skipped: z.array(z.string()).optional(),
      /** The policy that replied, refused or failed; null: none did. */
      decided: z.union([z.string(), z.null()]).optional(),
    })
    .optional(),
});

const call = z.strictObject({
  request,
  /** Virtual time that passes before the call. */
  advance: duration.optional(),
  /** How often it is made; every time must be as expected. */
  repeat: z.int().min(1).max(repeatMax).optional(),
  backends: stubs.optional(),
  expect: expectation.optional(),
});

const shared = {
  /** What backends answer, by their name or URL. */
  backends: stubs.optional(),
  /** When it begins. */
  start: z.iso.datetime({ offset: true }).optional(),
};

const scenario = z
  .strictObject({
    name: z.string().min(1).max(200),
    ...shared,
    /** One call: short for `calls` with one. */
    request: request.optional(),
    expect: expectation.optional(),
    calls: z.array(call).min(1).max(callsMax).optional(),
  })
  .refine((one) => (one.calls === undefined) !== (one.request === undefined), "a scenario has `request` or `calls`")
  .refine((one) => one.calls === undefined || one.expect === undefined, "with `calls`, each call has its own `expect`");

/** A file of `tests/`. */
export const scenarioFileSchema = z.strictObject({
  title: z.string().optional(),
  ...shared,
  callers: z.record(z.string(), caller).optional(),
  /** Values of secret named values, by name. */
  secrets: z.record(nameSchema, z.string()).optional(),
  /** Variables that the bundle reads from the environment. */
  environment: z.record(z.string(), z.string()).optional(),
  scenarios: z.array(scenario).min(1).max(1000),
});

export type ScenarioFile = z.infer<typeof scenarioFileSchema>;
export type Scenario = ScenarioFile["scenarios"][number];
export type ScenarioCall = z.infer<typeof call>;
export type ScenarioAnswer = z.infer<typeof answer>;
export type ScenarioCaller = z.infer<typeof caller>;
export type Expectation = z.infer<typeof expectation>;
export type WantedUpstream = z.infer<typeof wantedUpstream>;
export type Wanted = z.infer<typeof wanted>;

/** A file of scenarios as it was read. */
export interface ScenarioReading {
  /** Undefined where there are findings. */
  readonly file: ScenarioFile | undefined;
  readonly findings: readonly BundleFinding[];
  /** Where something stands in the text. */
  place(path: readonly PropertyKey[]): { readonly line: number; readonly column: number };
}

/** Reads `tests/NAME.test.yaml`. Never throws; all mistakes come at once, with line, column and path. */
export const readScenarioFile = (path: string, bytes: Uint8Array): ScenarioReading => {
  const refuse = (message: string, next: string): ScenarioReading => ({
    file: undefined,
    findings: [{ severity: "error", file: path, line: 1, column: 1, message, next }],
    place: () => ({ line: 1, column: 1 }),
  });
  if (bytes.length > bundleLimits.configBytesMax)
    return refuse(`has ${bytes.length} bytes; at most ${bundleLimits.configBytesMax} are read`, "Split the file.");
  if (!isUtf8(bytes)) return refuse("is not UTF-8", "Save the file as UTF-8.");
  const yaml = readYamlText(new TextDecoder().decode(bytes));
  const findings: BundleFinding[] = yaml.mistakes.map((mistake) => ({ severity: "error", file: path, ...mistake }));
  const parsed = findings.length > 0 ? undefined : scenarioFileSchema.safeParse(yaml.value ?? {});
  if (parsed?.success === false) {
    for (const issue of schemaIssues(scenarioFileSchema, yaml.value ?? {}, parsed.error))
      findings.push({
        severity: "error",
        file: path,
        path: pathText(issue.path),
        ...yaml.place(issue.path, issue.at),
        message: issue.message,
        ...(issue.next === undefined ? {} : { next: issue.next }),
      });
  }
  if (parsed?.success === true) findings.push(...callerFindings(path, parsed.data, yaml.place));
  return {
    file: findings.length === 0 ? parsed?.data : undefined,
    findings,
    place: (at) => yaml.place(at, "key"),
  };
};

/** The calls of a scenario, also where it is written short. */
export const callsOf = (one: Scenario): readonly ScenarioCall[] => {
  if (one.calls !== undefined) return one.calls;
  return one.request === undefined
    ? []
    : [{ request: one.request, ...(one.expect === undefined ? {} : { expect: one.expect }) }];
};

const callerFindings = (
  path: string,
  file: ScenarioFile,
  place: (path: readonly PropertyKey[], at: "key" | "value") => { readonly line: number; readonly column: number },
): readonly BundleFinding[] =>
  file.scenarios.flatMap((one, index) =>
    callsOf(one).flatMap((made, callIndex): readonly BundleFinding[] => {
      const named = made.request.caller;
      if (typeof named !== "string" || Object.hasOwn(file.callers ?? {}, named)) return [];
      const at = ["scenarios", index, ...(one.calls === undefined ? [] : ["calls", callIndex]), "request", "caller"];
      const known = Object.keys(file.callers ?? {});
      return [
        {
          severity: "error",
          file: path,
          path: pathText(at),
          ...place(at, "value"),
          message: `there is no caller '${named}' in \`callers\``,
          next: known.length === 0 ? "Add it under `callers`." : `Known: ${known.join(", ")}.`,
        },
      ];
    }),
  );
