import { z } from "zod";
import type { Answer } from "../answer.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf } from "../paging.ts";
import type { RequestRecord, RequestRing } from "./request-ring.ts";

/** A follower that is this far behind is cut off; it can begin anew. */
const waitingMax = 10_000;
const commentEveryMs = 15_000;

/** The most recent calls, or all that come from now on. */
export const listRequests: Operation = defineOperation({
  id: "listRequests",
  method: "GET",
  path: "/requests",
  tag: "Traffic",
  summary: "Read or follow the most recent calls",
  description:
    "As gateways tell them; kept in memory of the control process that the gateway is connected to. With `follow=true` the answer is a stream of server-sent events, one record each, that does not end.",
  access: "traffic.read",
  query: z.object({
    limit: z.coerce.number().int().min(1).max(500).optional(),
    follow: z.enum(["true", "false"]).optional(),
    api: z.string().max(200).optional(),
    subscription: z.string().max(200).optional(),
    status: z
      .string()
      .regex(/^[1-5](xx|\d\d)$/)
      .optional()
      .describe("`404`, or `5xx`."),
  }),
  answers: {
    200: {
      description: "The newest first, or events.",
      schema: z.object({ items: z.array(z.looseObject({})) }),
      mediaTypes: ["application/json", "text/event-stream"],
    },
  },
  run: async ({ tools, query, signal }): Promise<Answer> => {
    const isWanted = (record: RequestRecord): boolean =>
      (query.api === undefined || record.api === query.api) &&
      (query.subscription === undefined || record.subscription === query.subscription) &&
      (query.status === undefined || matchesStatus(record.status, query.status));
    if (query.follow === "true") {
      const content = eventsOf(tools.requests, isWanted, signal);
      return { status: 200, stream: { mediaType: "text/event-stream", content } };
    }
    const limit = limitOf(query);
    const items = tools.requests.recent(Number.POSITIVE_INFINITY).filter(isWanted).slice(0, limit);
    return { status: 200, json: { items } };
  },
});

const matchesStatus = (status: unknown, wanted: string): boolean =>
  wanted.endsWith("xx") ? String(status).startsWith(wanted.charAt(0)) : String(status) === wanted;

const eventsOf = (
  ring: RequestRing,
  isWanted: (record: RequestRecord) => boolean,
  signal: AbortSignal,
): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder();
  let end: () => void = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        // A comment at once, so that the head goes out before the first call comes.
        controller.enqueue(encoder.encode(": following\n\n"));
        const unfollow = ring.follow((record) => {
          if (!isWanted(record)) return;
          if ((controller.desiredSize ?? 0) < -waitingMax) end();
          else controller.enqueue(encoder.encode(`data: ${JSON.stringify(record)}\n\n`));
        });
        const comments = setInterval(() => controller.enqueue(encoder.encode(": still here\n\n")), commentEveryMs);
        let isOver = false;
        end = () => {
          if (isOver) return;
          isOver = true;
          clearInterval(comments);
          unfollow();
          signal.removeEventListener("abort", end);
          controller.close();
        };
        signal.addEventListener("abort", end);
      },
      cancel: () => end(),
    },
    { highWaterMark: 0 },
  );
};
