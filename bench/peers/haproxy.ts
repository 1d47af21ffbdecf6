import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Peer } from "../peer.ts";
import { findProgram } from "../process.ts";

/** HAProxy, one thread, keep-alive to the origin. */
export const haproxy: Peer = {
  name: "haproxy",
  cases: ["pass-through"],
  missing: () => (findProgram("haproxy") ? undefined : "Debian package haproxy"),
  command: async ({ port, originPort, directory }) => {
    const file = join(directory, "haproxy.cfg");
    await writeFile(
      file,
      `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  http-request replace-path /bench/(.*) /\\1
  default_backend origin
backend origin
  server one 127.0.0.1:${originPort}
`,
    );
    return { program: findProgram("haproxy") ?? "haproxy", args: ["-db", "-f", file] };
  },
};
