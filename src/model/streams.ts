import { z } from "zod";
import { durationMs } from "../base/duration.ts";
import { durationSchema } from "./names.ts";

const protocol = z
  .string()
  .max(60)
  .regex(
    /^[!#$%&'*+.^_`|~0-9a-z-]+(\/[!#$%&'*+.^_`|~0-9a-z-]+)?$/,
    "a protocol in lower case, such as `websocket`, with its version behind `/` where it has one",
  )
  // Requests in such a tunnel would pass every policy: RFC 9113 took `h2c` out for that.
  .refine(
    (name) => !/^(?:h2c?|http|tls)(?:\/|$)/.test(name),
    "HTTP or TLS within an upgraded connection would pass all policies",
  );

/** Protocols that clients may change to, or `none`. */
export const upgradeSchema = z.union([z.literal("none"), z.array(protocol).min(1).max(8)]);
export type Upgrade = z.infer<typeof upgradeSchema>;

const limit = durationSchema.refine((value) => (durationMs(value) ?? 0) > 0, "the limit is above zero");
const bytesMax = z.int().min(125).max(Number.MAX_SAFE_INTEGER);

/** What bounds upgraded connections and streams of events (`text/event-stream`). */
export const streamsSchema = z.strictObject({
  /** Without a byte in either direction. Absent: 10 minutes for upgraded connections, 1 hour for events. */
  "idle-timeout": limit.optional(),
  /** The longest life. Absent: 24 hours. */
  lifetime: limit.optional(),
  /** Payload of one WebSocket frame. Absent: 128 MiB. */
  "frame-bytes-max": bytesMax.optional(),
  /** Payload of all frames of one WebSocket message, as they pass. Absent: 128 MiB. */
  "message-bytes-max": bytesMax.optional(),
  /** What follows when the API changes: they live on (`keep`, the default), or end so long after. */
  drain: z.union([z.literal("keep"), durationSchema]).optional(),
});
export type Streams = z.infer<typeof streamsSchema>;
