import { z } from "zod";
import { labelSchema } from "../../model/names.ts";

const instanceSchema = z.string().regex(/^[\x21-\x7e]{1,200}$/);
const countSchema = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

/** The first and only line a gateway sends on its stream. */
export const helloSchema = z.strictObject({
  instance: instanceSchema,
  version: z.string().max(100),
  labels: z.array(labelSchema).max(100),
  held: z.record(z.string().max(200), z.string().max(200)),
  revision: z.int().min(0),
});

const unitErrorSchema = z.object({
  api: z.string().max(200),
  hash: z.string().max(200),
  message: z.string().max(10_000),
  findings: z
    .array(
      z.object({
        file: z.string().max(1000).exactOptional(),
        path: z.string().max(2000).exactOptional(),
        message: z.string().max(10_000),
      }),
    )
    .max(1000),
});

/** What a gateway reports after each commit and every few seconds. */
export const reportSchema = z.object({
  instance: instanceSchema,
  version: z.string().max(100),
  labels: z.array(labelSchema).max(100),
  revision: z.int().min(0),
  hash: z.string().max(200),
  threads: z.int().min(0).max(100_000),
  startedAtMs: countSchema,
  unitErrors: z.array(unitErrorSchema).max(100_000),
});

/** A batch of usage; the same id counts once however often it is sent. */
export const usageBatchSchema = z.object({
  id: z.string().regex(/^[\x21-\x7e]{1,200}$/),
  instance: instanceSchema,
  rows: z
    .array(
      z.object({
        minuteMs: countSchema,
        api: z.string().max(200),
        operation: z.string().max(500),
        subscription: z.string().max(200),
        status: z.int().min(0).max(999),
        calls: countSchema,
        requestBytes: countSchema,
        responseBytes: countSchema,
        durationMsSum: countSchema,
        durationMsMax: countSchema,
      }),
    )
    .max(100_000),
});

/** Calls for people who watch. */
export const requestBatchSchema = z.object({
  instance: instanceSchema,
  records: z.array(z.record(z.string().max(100), z.unknown())).max(10_000),
});

/** Records of calls that were explained. Their members are checked as far as control itself reads them. */
export const explanationBatchSchema = z.object({
  instance: instanceSchema,
  records: z
    .array(
      z.looseObject({
        id: z.string().min(1).max(200),
        time: z.iso.datetime(),
        revision: z.int().min(0),
        route: z.looseObject({ api: z.string().max(200) }),
        steps: z.array(
          z.looseObject({ file: z.string().max(1000), path: z.string().max(10_000), steps: z.array(z.unknown()) }),
        ),
      }),
    )
    .max(1000),
});
