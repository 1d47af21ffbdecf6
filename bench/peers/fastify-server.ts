import replyFrom from "@fastify/reply-from";
import fastify from "fastify";

// One process of fastify with reply-from: PORT and ORIGIN say where it listens and forwards to.
const app = fastify({ logger: false });
await app.register(replyFrom, {
  base: `http://127.0.0.1:${process.argv[3]}`,
  undici: { connections: 64, pipelining: 1 },
});
app.all("/bench/*", (request, reply) => reply.from(request.url.slice("/bench".length)));
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
