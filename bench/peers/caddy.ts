import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Peer } from "../peer.ts";
import { findProgram } from "../process.ts";

/** Caddy's `reverse_proxy` (Go). */
export const caddy: Peer = {
  name: "caddy",
  cases: ["pass-through"],
  missing: () => (findProgram("caddy") ? undefined : "Debian package caddy"),
  command: async ({ port, originPort, directory }) => {
    const file = join(directory, "Caddyfile");
    await writeFile(
      file,
      `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  handle_path /bench/* {
    reverse_proxy 127.0.0.1:${originPort}
  }
}
`,
    );
    return { program: findProgram("caddy") ?? "caddy", args: ["run", "--adapter", "caddyfile", "--config", file] };
  },
};
