import { fileURLToPath } from "node:url";
import type { Peer } from "../peer.ts";

/** fastify 5 with `@fastify/reply-from`, on the Node that runs this benchmark. */
export const fastifyReplyFrom: Peer = {
  name: "fastify+reply-from",
  cases: ["pass-through"],
  missing: () => undefined,
  command: async ({ port, originPort }) => ({
    program: process.execPath,
    args: [fileURLToPath(new URL("./fastify-server.ts", import.meta.url)), String(port), String(originPort)],
  }),
};
