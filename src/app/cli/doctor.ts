import { constants, existsSync } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { messageOf, systemCodeOf } from "../../base/fault.ts";
import { portsOf, type Settings } from "../settings.ts";
import { type Check, certificateChecks } from "./certificate-checks.ts";
import { answer, type Call, type CommandSpec, exitCodes } from "./command.ts";
import { failureOf } from "./failure.ts";
import { type Json, listOf, textOf } from "./management-client.ts";
import { dataDirOf, type Endpoints, platformOf, readEndpoints } from "./platform.ts";
import { settingOptions, settingsOfCall } from "./setting-options.ts";

const timeoutMs = 5_000;
const freeBytesMin = 500 * 1024 * 1024;

/** `portico doctor`. */
export const doctor: CommandSpec = {
  name: "doctor",
  group: "Operate",
  summary: "Look whether everything is well, and say what to do",
  details:
    "Looks at this machine (Node, data directory, ports) and at the platform (management API, token, gateways). Ends with 1 where something fails.",
  options: settingOptions(["port-base", "host", "gateway-url"]),
  usesPlatform: true,
  run: async (call) => {
    const settings = await settingsOfCall(call);
    const dataDir = dataDirOf(call, settings);
    const endpoints = readEndpoints(dataDir);
    const checks: readonly Check[] = [
      nodeCheck(),
      ...(await directoryChecks(dataDir)),
      ...(endpoints === undefined ? await portChecks(settings) : []),
      ...(await platformChecks(call, endpoints)),
    ];
    const isWell = checks.every((check) => check.state !== "failure");
    await answer(call, { ok: isWell, checks }, () =>
      checks
        .map(
          ({ name, state, message, next }) =>
            `${marks[state]} ${name}: ${message}${next === undefined ? "" : `\n    ${next}`}`,
        )
        .join("\n"),
    );
    return isWell ? exitCodes.ok : exitCodes.failure;
  },
};

const marks = { ok: "ok     ", warning: "warning", failure: "FAILED " } as const;

const nodeCheck = (): Check => {
  const major = Number(process.versions.node.split(".")[0]);
  return major >= 26
    ? { name: "Node", state: "ok", message: `${process.version}, ${process.platform} ${process.arch}` }
    : {
        name: "Node",
        state: "failure",
        message: `${process.version} is too old.`,
        next: "Use `npm start` or `./portico`: they bring Node 26.",
      };
};

const directoryChecks = async (dataDir: string): Promise<readonly Check[]> => {
  const name = "Data directory";
  if (!existsSync(dataDir)) {
    const parent = dirname(dataDir);
    try {
      await access(parent, constants.W_OK);
      return [{ name, state: "ok", message: `${dataDir} does not exist yet and can be made` }];
    } catch (thrown) {
      return [
        {
          name,
          state: "failure",
          message: `${dataDir} cannot be made: ${messageOf(thrown)}.`,
          next: "Give another one with --data.",
        },
      ];
    }
  }
  try {
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (thrown) {
    return [
      {
        name,
        state: "failure",
        message: `${dataDir} cannot be used: ${messageOf(thrown)}.`,
        next: "Correct its permissions, or give another one with --data.",
      },
    ];
  }
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const space: Check =
    free >= freeBytesMin
      ? { name, state: "ok", message: `${dataDir}, ${Math.round(free / 1024 ** 3)} GiB free` }
      : {
          name,
          state: "warning",
          message: `only ${Math.round(free / 1024 ** 2)} MiB are free at ${dataDir}.`,
          next: "Make room: PostgreSQL stops when its disk is full.",
        };
  return [space, ...(await tokenFileCheck(`${dataDir}/admin-token`))];
};

const tokenFileCheck = async (path: string): Promise<readonly Check[]> => {
  if (!existsSync(path)) return [];
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return [{ name: "Owner token", state: "ok", message: "only its owner can read it" }];
  return [
    { name: "Owner token", state: "warning", message: `${path} can be read by others.`, next: `chmod 600 ${path}` },
  ];
};

const portChecks = async (settings: Settings): Promise<readonly Check[]> => {
  const host = settings.text("host") ?? "127.0.0.1";
  const { gatewayPort, portalPort, studioPort, opsPort } = portsOf(settings);
  const wanted = { gateway: gatewayPort, "developer portal": portalPort, studio: studioPort, operations: opsPort };
  return Promise.all(
    Object.entries(wanted).map(async ([name, port]): Promise<Check> => {
      const code = await bindCode(host, port);
      if (code === undefined) return { name: "Port", state: "ok", message: `${port} is free for the ${name}` };
      return {
        name: "Port",
        state: "warning",
        message: `${port} for the ${name} is not free (${code}).`,
        next: "If that is no Portico, choose others with --port-base.",
      };
    }),
  );
};

const bindCode = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(systemCodeOf(error) ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });

const platformChecks = async (call: Call, endpoints: Endpoints | undefined): Promise<readonly Check[]> => {
  const name = "Management API";
  try {
    const { client, url, gatewayUrl } = await platformOf(call);
    const started = performance.now();
    const gateways = await client.get("/gateways");
    const reached: Check = {
      name,
      state: "ok",
      message: `${url} answers in ${Math.round(performance.now() - started)} ms`,
    };
    return [
      reached,
      ...gatewayChecks(gateways),
      ...certificateChecks(await client.get("/certificates"), Date.now()),
      await answersCheck("Gateway", gatewayUrl),
      ...(endpoints === undefined ? [] : [await answersCheck("Gateway readiness", `${endpoints.opsUrl}/readyz`, true)]),
    ];
  } catch (thrown) {
    const { message, next } = failureOf(thrown);
    return [{ name, state: "failure", message, ...(next === undefined ? {} : { next }) }];
  }
};

const gatewayChecks = (gateways: Json): readonly Check[] => {
  const name = "Gateways";
  const undeliverable = apiErrors(listOf(gateways, "undeliverable"));
  const made: readonly Check[] =
    undeliverable === ""
      ? []
      : [
          {
            name: "APIs",
            state: "failure",
            message: `not delivered: ${undeliverable}`,
            next: "Correct them and apply again.",
          },
        ];
  const items = listOf(gateways, "items");
  if (!items.some((gateway) => gateway.isConnected === true)) {
    const next = "Start one with `portico gateway --control URL`.";
    return [...made, { name, state: "warning", message: "no gateway is connected.", next }];
  }
  return [...made, ...items.filter((gateway) => gateway.isConnected === true).map(gatewayCheck)];
};

const gatewayCheck = (gateway: Json): Check => {
  const name = `Gateway ${textOf(gateway, "instance") ?? ""}`;
  const at = `runs revision ${String(gateway.revision ?? "?")} of ${String(gateway.desiredRevision ?? "?")}`;
  const errors = apiErrors(listOf(gateway, "unitErrors"));
  if (errors !== "") {
    return {
      name,
      state: "failure",
      message: `${at}, but older versions of ${errors}`,
      next: "Correct them and apply again.",
    };
  }
  return gateway.isApplied === false
    ? { name, state: "warning", message: `${at}.` }
    : { name, state: "ok", message: at };
};

const apiErrors = (errors: readonly Json[]): string =>
  errors.map((error) => `${textOf(error, "api") ?? ""} (${textOf(error, "message") ?? ""})`).join("; ");

const answersCheck = async (name: string, url: string, mustBeOk = false): Promise<Check> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: "manual" });
    await response.body?.cancel();
    if (response.ok || !mustBeOk) return { name, state: "ok", message: `${url} answers` };
    return { name, state: "failure", message: `${url} answers ${response.status}.`, next: "See the gateway's log." };
  } catch (thrown) {
    const reason = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : messageOf(thrown);
    return {
      name,
      state: "failure",
      message: `${url} does not answer: ${reason}.`,
      next: "Start a gateway, or give its address with --gateway-url.",
    };
  }
};
