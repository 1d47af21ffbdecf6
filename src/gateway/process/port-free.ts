import { createServer } from "node:net";
import { Fault, systemCodeOf } from "../../base/fault.ts";

/**
 * Threads share their port with SO_REUSEPORT, and so would a second gateway, without an error and with half of the calls. So the
 * port is first asked for alone.
 */
export const assertPortFree = async (host: string, port: number): Promise<void> => {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        systemCodeOf(error) === "EADDRINUSE"
          ? new Fault("port.in_use", { public: `Port ${port} is in use by another program.`, cause: error })
          : error,
      ),
    );
    server.listen(port, host, () => server.close(() => resolve()));
  });
};
