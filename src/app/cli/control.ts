import { once } from "node:events";
import { logLevelOf } from "../settings.ts";
import { type CommandSpec, exitCodes } from "./command.ts";
import { dataDirOf } from "./platform.ts";
import { settingOptions, settingsOfCall } from "./setting-options.ts";

/** `portico control`. */
export const control: CommandSpec = {
  name: "control",
  group: "Run",
  summary: "Run the management API, the studio and the developer portal",
  details:
    "The only part that talks to PostgreSQL: the embedded one in the data directory, or the one that DATABASE_URL names. Gateways connect to it.",
  options: settingOptions(["studio-port", "portal-port", "host", "data", "gateway-url", "log-level"]),
  examples: ["DATABASE_URL=postgres://portico@db/portico portico control --host 0.0.0.0"],
  run: async (call) => {
    const settings = await settingsOfCall(call);
    const databaseUrl = settings.text("database-url");
    const { ensureWebBuilt } = await import("../../portals/web-build.ts");
    const { runControlRole } = await import("../control-role.ts");
    const running = await runControlRole({
      host: settings.text("host") ?? "127.0.0.1",
      studioPort: settings.integer("studio-port", 0, 65_535) ?? 8082,
      portalPort: settings.integer("portal-port", 0, 65_535) ?? 8081,
      dataDir: dataDirOf(call, settings),
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
      gatewayUrl: settings.text("gateway-url") ?? "http://127.0.0.1:8080",
      webDir: await ensureWebBuilt(),
      logLevel: logLevelOf(settings),
    });
    await call.terminal.out(
      call.isJson
        ? `${JSON.stringify({ studioUrl: running.studioUrl, portalUrl: running.portalUrl })}\n`
        : `Studio and management API: ${running.studioUrl}\nDeveloper portal:         ${running.portalUrl}\n`,
    );
    if (!call.terminal.signal.aborted) await once(call.terminal.signal, "abort");
    await running.stop();
    return exitCodes.ok;
  },
};
