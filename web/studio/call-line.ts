import { gatewayUrl } from "./platform.ts";
import type { ApiView, OperationRow } from "./shapes.ts";

const lineMax = 90;

/** The protections of an API: `key` where nothing is said. */
export const protectionsOf = (api: ApiView): readonly string[] => {
  const list = api.protect === undefined ? ["key"] : typeof api.protect === "string" ? [api.protect] : api.protect;
  return list.filter((one) => one !== "none");
};

/** What stands in front of every operation's path. */
export const basePathOf = (api: ApiView): string => {
  const path = api.path === "/" ? "" : api.path;
  return api.versions?.scheme === "path" ? `${path}/${api.versions.value}` : path;
};

/** The base URL that applications call. */
export const baseUrlOf = (api: ApiView): string => `${gatewayUrl}${basePathOf(api)}`;

/** A line that calls an operation, ready but for the credential where no key is given. */
export const callLine = (api: ApiView, operation: OperationRow | undefined, key = "YOUR_KEY"): string => {
  const protections = operation?.protect ?? protectionsOf(api);
  const parts = ["curl -i"];
  const method = operation?.method ?? "GET";
  if (method !== "GET") parts.push(`-X ${method}`);
  const host = api.hosts?.find((one) => !one.startsWith("*."));
  if (host !== undefined) parts.push(`-H 'Host: ${host}'`);
  if (api.versions?.scheme === "header") {
    parts.push(`-H '${api.versions.parameter ?? "Api-Version"}: ${api.versions.value}'`);
  }
  if (protections.includes("key")) parts.push(`-H 'X-API-Key: ${key}'`);
  else if (protections.includes("jwt")) parts.push("-H 'Authorization: Bearer YOUR_TOKEN'");
  const query =
    api.versions?.scheme === "query" ? `?${api.versions.parameter ?? "api-version"}=${api.versions.value}` : "";
  parts.push(`'${baseUrlOf(api)}${operation?.path ?? "/"}${query}'`);
  const line = parts.join(" ");
  // A long line would hide the address behind the key.
  return line.length > lineMax ? parts.join(" \\\n  ") : line;
};

/** The operation whose call needs the least. */
export const easiestOf = (operations: readonly OperationRow[]): OperationRow | undefined => {
  const shown = operations.filter((one) => !one.isHidden);
  return (
    shown.find((one) => one.method === "GET" && !one.path.includes("{") && !one.isDeprecated) ??
    shown.find((one) => one.method === "GET") ??
    shown[0]
  );
};
