import { createBookshop } from "./server.ts";

// `PORT` 0 lets the system choose. Started with an IPC channel it reports its port, and ends when its parent does.
const server = createBookshop();
server.listen(Number(process.env.PORT ?? 8085), "127.0.0.1", () => {
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  process.send?.({ type: "ready", facts: { port } });
  if (!process.send) console.log(`bookshop on http://127.0.0.1:${port}`);
});
server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
const stop = (): void => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
};
process.on("SIGTERM", stop);
// Ctrl+C reaches the whole process group; where there is a parent, it decides about the order of ending.
process.on("SIGINT", process.send ? () => {} : stop);
process.on("disconnect", stop);
