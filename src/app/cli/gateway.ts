import { once } from "node:events";
import { resolve } from "node:path";
import { observationOf } from "../observation-settings.ts";
import { accessLogOf, logLevelOf } from "../settings.ts";
import { tlsFilesOf } from "../tls-files-settings.ts";
import { type CommandSpec, exitCodes } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { baseUrl, dataDirOf, readToken } from "./platform.ts";
import { settingOptions, settingsOfCall } from "./setting-options.ts";
import { counted } from "./table.ts";

/** `portico gateway`. */
export const gateway: CommandSpec = {
  name: "gateway",
  group: "Run",
  summary: "Run the gateway alone",
  details:
    "Takes its configuration from a control plane (--control, with the gateway's token in --token-file), and keeps the last good one in the data directory; or straight from a bundle (--config), without a database: keys are then the digests under `keys:` in portico.yaml.",
  options: [
    { flags: "--port <n>", description: "port for calls", env: "PORTICO_GATEWAY_PORT", defaultText: "8080" },
    ...settingOptions(["https-port", "ops-port", "host"]),
    { flags: "--control <url>", description: "control plane to take configuration from", env: "PORTICO_CONTROL" },
    { flags: "--token-file <file>", description: "file with the gateway's token for the control plane" },
    { flags: "--config <dir>", description: "bundle to take configuration from" },
    ...settingOptions([
      "data",
      "tls-cert",
      "tls-key",
      "tls-client-ca",
      "tls-client-auth",
      "tls-min-version",
      "https",
      "threads",
      "labels",
      "log-level",
      "access-log",
      "explain-sample",
      "explain-failures",
      "otlp-endpoint",
      "otlp-sample",
      "otlp-metrics-seconds",
    ]),
  ],
  examples: [
    "portico gateway --config ./bundle --port 8080 --ops-port 8083",
    "portico gateway --control https://control.example --token-file ./gateway-token --labels internal,eu",
  ],
  run: async (call) => {
    const configDir = call.text("config");
    const controlUrl = call.text("control") ?? call.terminal.env.PORTICO_CONTROL;
    if ((configDir === undefined) === (controlUrl === undefined)) {
      throw usageFailure(
        "The gateway needs one source of configuration.",
        "Give either --control URL with --token-file FILE, or --config DIR.",
      );
    }
    const directory = configDir === undefined ? undefined : resolve(call.terminal.cwd, configDir);
    const settings = await settingsOfCall(call, directory ?? call.terminal.cwd).catch(async (thrown: unknown) => {
      throw (directory === undefined ? undefined : await mistakesIn(directory, configDir ?? directory)) ?? thrown;
    });
    const port = integerOf(call.text("port"), "--port") ?? settings.integer("gateway-port", 0, 65_535) ?? 8080;
    const threads = settings.integer("threads", 1, 256);
    const dataDir = dataDirOf(call, settings);
    const tlsFiles = await tlsFilesOf(settings, directory ?? call.terminal.cwd, dataDir);
    const { runGatewayRole } = await import("../gateway-role.ts");
    const running = await runGatewayRole({
      host: settings.text("host") ?? "127.0.0.1",
      port,
      opsPort: settings.integer("ops-port", 0, 65_535) ?? 8083,
      httpsPort: settings.integer("https-port", 0, 65_535) ?? 8443,
      ...(tlsFiles === undefined ? {} : { tlsFiles }),
      ...(threads === undefined ? {} : { threads }),
      labels: settings.list("labels"),
      dataDir,
      logLevel: logLevelOf(settings),
      accessLog: accessLogOf(settings, "stdout"),
      observation: observationOf(settings, call.terminal.env),
      ...(directory === undefined ? {} : { configDir: directory }),
      ...(controlUrl === undefined
        ? {}
        : {
            control: {
              url: baseUrl(controlUrl, "--control"),
              tokenFile: tokenFileOf(call.text("token-file"), call.terminal.cwd),
            },
          }),
    });
    await call.terminal.out(
      call.isJson
        ? `${JSON.stringify({ port: running.port, opsPort: running.opsPort, httpsPort: running.httpsPort })}\n`
        : `The gateway takes calls on port ${running.port}${running.httpsPort === 0 ? "" : ` and, over HTTPS, on port ${running.httpsPort}`}; health and metrics are on port ${running.opsPort}.\n`,
    );
    if (!call.terminal.signal.aborted) await once(call.terminal.signal, "abort");
    await running.stop();
    return exitCodes.ok;
  },
};

// Mistakes in portico.yaml are found first, because settings stand there; those of the other files are told with them.
const mistakesIn = async (directory: string, shown: string): Promise<CommandFailure | undefined> => {
  const { bundleFindings } = await import("./lint.ts");
  const findings = (await bundleFindings(directory, false)).filter(({ severity }) => severity === "error");
  if (findings.length === 0) return undefined;
  const message = `The bundle ${shown} has ${counted(findings.length, "mistake")}.`;
  return new CommandFailure({ code: "bundle.invalid", message, findings, next: `See \`portico lint ${shown}\`.` });
};

const tokenFileOf = (file: string | undefined, cwd: string): string => {
  if (file !== undefined) {
    const path = resolve(cwd, file);
    // Read again at every connection, because tokens are exchanged; a wrong path is told at once.
    readToken(path, "--token-file");
    return path;
  }
  throw usageFailure("A gateway needs a token to connect to its control plane.", "Give --token-file FILE.");
};

const integerOf = (text: string | undefined, flag: string): number | undefined => {
  if (text === undefined) return undefined;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= 65_535) return number;
  throw usageFailure(
    `${flag} is '${text}', which is no port.`,
    "Give a number from 1 to 65535, or 0 for any free port.",
  );
};
