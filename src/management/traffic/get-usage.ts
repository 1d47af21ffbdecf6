import { z } from "zod";
import { durationMs } from "../../base/duration.ts";
import { durationSchema } from "../../model/names.ts";
import { listSubscriptions } from "../../store/repositories/subscriptions.ts";
import { sumUsage, usageDimensions } from "../../store/repositories/usage.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { refuse } from "../refuse.ts";

const rangeMsMax = 366 * 86_400_000;
const sumsMax = 5_000;
const subscriptionsMax = 1_000;

/** Calls, bytes and times, summed by what is asked for. */
export const getUsage: Operation = defineOperation({
  id: "getUsage",
  method: "GET",
  path: "/usage",
  tag: "Traffic",
  summary: "Sum calls by API, operation, subscription, status and time",
  access: "traffic.read",
  query: z.object({
    from: z.iso.datetime({ offset: true }).optional().describe("24 hours before `to` where absent."),
    to: z.iso.datetime({ offset: true }).optional().describe("Now where absent; not included."),
    by: z
      .string()
      .regex(/^[a-z]+(,[a-z]+)*$/)
      .optional()
      .describe(`Any of ${usageDimensions.join(", ")}, separated by commas; \`api\` where absent.`),
    bucket: durationSchema.optional().describe("Length of a step of `time`: a minute or more; 1h where absent."),
    api: z.string().max(200).optional(),
    operation: z.string().max(500).optional(),
    subscription: z.string().max(200).optional(),
    application: z.uuid().optional(),
    organization: z.uuid().optional(),
    status: z.coerce.number().int().min(0).max(999).optional(),
  }),
  answers: {
    200: {
      description: "Those with the most calls first, or in order of time; at most 5,000.",
      schema: z.object({
        from: z.iso.datetime(),
        to: z.iso.datetime(),
        items: z.array(
          z.object({
            api: z.string().optional(),
            operation: z.string().optional(),
            subscription: z.string().optional(),
            status: z.int().optional(),
            time: z.iso.datetime().optional(),
            calls: z.int(),
            requestBytes: z.int(),
            responseBytes: z.int(),
            durationMsMean: z.number(),
            durationMsMax: z.number(),
          }),
        ),
      }),
    },
  },
  run: async ({ tools, query }) => {
    const to = new Date(query.to ?? tools.clock.nowMs());
    const from = new Date(query.from ?? to.getTime() - 86_400_000);
    if (from >= to || to.getTime() - from.getTime() > rangeMsMax) {
      throw refuse("parameter.invalid", "from: must lie before `to`, by a year at most.", [
        { parameter: "from", message: "must lie before `to`, by a year at most" },
      ]);
    }
    const by = (query.by ?? "api").split(",");
    const dimensions = usageDimensions.filter((dimension) => by.includes(dimension));
    if (dimensions.length !== new Set(by).size) {
      throw refuse("parameter.invalid", `by: use ${usageDimensions.join(", ")}.`, [
        { parameter: "by", message: `use ${usageDimensions.join(", ")}` },
      ]);
    }
    const { application, organization, subscription } = query;
    const subscriptions =
      application === undefined && organization === undefined
        ? subscription === undefined
          ? undefined
          : [subscription]
        : (
            await listSubscriptions(tools.db, {
              after: undefined,
              limit: subscriptionsMax,
              applicationId: application,
              organizationId: organization,
            })
          )
            .map((row) => row.id)
            .filter((id) => subscription === undefined || id === subscription);
    const filter = { from, to, api: query.api, operation: query.operation, status: query.status, subscriptions };
    const sums = await sumUsage(tools.db, filter, dimensions, durationMs(query.bucket ?? "1h") ?? 3_600_000, sumsMax);
    const items = sums.map(({ timeMs, durationMsSum, ...sum }) => ({
      ...sum,
      ...(timeMs === undefined ? {} : { time: new Date(timeMs).toISOString() }),
      durationMsMean: sum.calls === 0 ? 0 : durationMsSum / sum.calls,
    }));
    return { status: 200, json: { from: from.toISOString(), to: to.toISOString(), items } };
  },
});
