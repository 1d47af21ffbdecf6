import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../../base/fault.ts";
import type { Settings } from "../settings.ts";
import type { Call } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { type ManagementClient, managementClient } from "./management-client.ts";
import { settingsOfCall } from "./setting-options.ts";

/** Where a platform on this machine says it can be reached; `portico up` writes it into its data directory. */
export const endpointsFile = "endpoints.json";

/** The URLs of a running platform. */
export interface Endpoints {
  readonly gatewayUrl: string;
  readonly portalUrl: string;
  readonly studioUrl: string;
  readonly opsUrl: string;
}

/** What a command knows of the platform it talks to. */
export interface Platform {
  readonly url: string;
  readonly gatewayUrl: string;
  readonly client: ManagementClient;
}

/** Finds the platform and the token that a call means. Refuses to send this machine's owner token anywhere else unasked. */
export const platformOf = async (call: Call): Promise<Platform> => {
  const settings = await settingsOfCall(call);
  const dataDir = dataDirOf(call, settings);
  const endpoints = readEndpoints(dataDir);
  const url = baseUrl(settings.text("url") ?? endpoints?.studioUrl ?? "http://127.0.0.1:8082", "--url");
  const token = tokenOf(call, settings, dataDir, url);
  return {
    url,
    gatewayUrl: gatewayUrlOf(settings, endpoints),
    client: managementClient({ url, token, fetch: globalThis.fetch, signal: call.terminal.signal }),
  };
};

/** The gateway that a call means. */
export const gatewayUrlOfCall = async (call: Call): Promise<string> => {
  const settings = await settingsOfCall(call);
  return gatewayUrlOf(settings, readEndpoints(dataDirOf(call, settings)));
};

/** The data directory that a call means, absolute. */
export const dataDirOf = (call: Call, settings: Settings): string =>
  resolve(call.terminal.cwd, settings.text("data") ?? ".portico");

/** The URLs that a platform wrote down, undefined where it did not. */
export const readEndpoints = (dataDir: string): Endpoints | undefined => {
  const path = join(dataDir, endpointsFile);
  if (!existsSync(path)) return undefined;
  try {
    const read: unknown = JSON.parse(readFileSync(path, "utf8"));
    const text = (name: string): string => {
      const value: unknown = typeof read === "object" && read !== null ? Reflect.get(read, name) : undefined;
      if (typeof value !== "string") throw new Error(`${name} is missing`);
      return value;
    };
    return {
      gatewayUrl: text("gatewayUrl"),
      portalUrl: text("portalUrl"),
      studioUrl: text("studioUrl"),
      opsUrl: text("opsUrl"),
    };
  } catch (thrown) {
    throw new CommandFailure(
      {
        code: "cli.endpoints_invalid",
        message: `${path} cannot be read: ${messageOf(thrown)}.`,
        next: "Start the platform again, or give --url.",
      },
      thrown,
    );
  }
};

const gatewayUrlOf = (settings: Settings, endpoints: Endpoints | undefined): string =>
  baseUrl(settings.text("gateway-url") ?? endpoints?.gatewayUrl ?? "http://127.0.0.1:8080", "--gateway-url");

/** A URL without a slash at its end; refuses what is none. */
export const baseUrl = (text: string, flag: string): string => {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw usageFailure(`'${text}' is no URL.`, `Give ${flag} as http://HOST:PORT or https://HOST.`);
  }
  return text.replace(/\/+$/, "");
};

const tokenOf = (call: Call, settings: Settings, dataDir: string, url: string): string => {
  const file = call.text("token-file");
  if (file !== undefined) return readToken(resolve(call.terminal.cwd, file), "--token-file");
  const fromEnvironment = call.terminal.env.PORTICO_TOKEN?.trim();
  if (fromEnvironment !== undefined && fromEnvironment !== "") return fromEnvironment;
  const ownerFile = join(dataDir, "admin-token");
  if (!existsSync(ownerFile)) {
    throw new CommandFailure({
      code: "cli.token_missing",
      message: `There is no token: neither --token-file nor PORTICO_TOKEN is given, and ${ownerFile} does not exist.`,
      next: "Start a platform with `portico up`, or name its data directory with --data, or give a token.",
    });
  }
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
  if (!isHere && settings.text("data") === undefined) {
    throw new CommandFailure({
      code: "cli.token_withheld",
      message: `The owner token of ${dataDir} was not sent to ${url}: that is another machine.`,
      next: "Give that platform's token with --token-file or PORTICO_TOKEN, or name the data directory with --data if it is that platform's.",
    });
  }
  return readToken(ownerFile, "admin-token");
};

/** The token in a file; refuses what cannot be read and what is no token. */
export const readToken = (file: string, what: string): string => {
  let token: string;
  try {
    token = readFileSync(file, "utf8").trim();
  } catch (thrown) {
    throw new CommandFailure(
      {
        code: "cli.token_unreadable",
        message: `The token (${what}) cannot be read: ${messageOf(thrown)}.`,
        next: "Check the path and its permissions.",
      },
      thrown,
    );
  }
  // Anything else could not be a header value, and would be told in words that show the token.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CommandFailure({
    code: "cli.token_invalid",
    message: `${file} holds no token: a token is one line without spaces.`,
    next: "Check the file.",
  });
};
