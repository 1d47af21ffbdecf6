import { z } from "zod";

const change = z.object({
  what: z.string().describe("`request.header`, `variable`, `caller`, `status`, ..."),
  name: z.string(),
  before: z.string().optional(),
  after: z.string().optional(),
});

const note = z.object({ name: z.string(), value: z.union([z.string(), z.number(), z.boolean(), z.null()]) });

const attempt = z.object({
  target: z.string(),
  queuedUs: z.int().optional(),
  sentUs: z.int().optional(),
  replyUs: z.int().optional(),
  endUs: z.int().optional(),
  status: z.int().optional(),
  code: z.string().optional(),
  spanId: z.string().optional(),
});

const step = z
  .object({
    policy: z.string(),
    section: z.string(),
    scope: z.string(),
    file: z.string(),
    path: z.string(),
    line: z.int().optional().describe("In the file's text as it was applied with the call's revision."),
    startUs: z.int().describe("Microseconds since the call began."),
    durationUs: z.int(),
    decision: z.object({
      kind: z.enum(["went-on", "replied", "refused", "failed", "forwarded", "cut-off"]),
      status: z.int().optional(),
      code: z.string().optional(),
      message: z.string().optional(),
    }),
    changes: z.array(change),
    notes: z.array(note),
    attempts: z.array(attempt).describe("Requests to backends."),
    steps: z.array(z.looseObject({ policy: z.string() })).describe("Steps of blocks within it, of the same shape."),
  })
  .meta({ id: "ExplainedStep" });

const headers = z.array(z.array(z.string())).describe("Name and value of each field.");

/** What `GET /requests/{id}/explain` answers. */
export const explanationSchema = z
  .looseObject({
    id: z.string(),
    gateway: z.string(),
    time: z.iso.datetime(),
    revision: z.int(),
    reason: z.enum(["asked", "sampled", "traced", "failed"]),
    isComplete: z.boolean().describe("False where only the end of the call is known: then there are no steps."),
    request: z.looseObject({
      method: z.string(),
      path: z.string(),
      query: z.string(),
      headers,
      body: z.string().optional(),
    }),
    route: z.looseObject({ outcome: z.string(), message: z.string(), api: z.string(), operation: z.string() }),
    caller: z.record(z.string(), z.string()).nullable(),
    steps: z.array(step),
    notes: z.array(note),
    fault: z.object({ code: z.string(), source: z.string(), section: z.string(), message: z.string() }).nullable(),
    reply: z.looseObject({ status: z.int(), headers, body: z.string().optional() }),
    outcome: z.object({
      status: z.int(),
      isAborted: z.boolean(),
      requestBytes: z.int(),
      responseBytes: z.int(),
      durationUs: z.int(),
    }),
    leftOut: z.int(),
  })
  .meta({ id: "Explanation" });
