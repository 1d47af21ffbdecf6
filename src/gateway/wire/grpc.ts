import type { Head } from "./head.ts";
import { kindContentType } from "./known-names.ts";

/** What a message speaks by its Content-Type: gRPC, gRPC-Web in binary or as base64 text, or none of them. */
export type GrpcKind = "" | "grpc" | "web" | "web-text";

const prefix = "application/grpc";

/** The kind of a message by its head; a string is made only where the type is of that family. */
export const grpcKindOf = (head: Head): GrpcKind => {
  const index = head.indexOf(kindContentType);
  if (index < 0) return "";
  const start = head.fields[index * 4 + 2] ?? 0;
  // `application/g`: few types share so much.
  if (((head.bytes[start + 12] ?? 0) | 0x20) !== 0x67) return "";
  return grpcKindOfType(head.value(index));
};

/** The same of a field's value. */
const grpcKindOfType = (value: string): GrpcKind => {
  const type = (value.split(";")[0] ?? "").trim().toLowerCase();
  if (!type.startsWith(prefix)) return "";
  if (/^-web-text(?:\+|$)/.test(type.slice(prefix.length))) return "web-text";
  if (/^-web(?:\+|$)/.test(type.slice(prefix.length))) return "web";
  return /^(?:\+|$)/.test(type.slice(prefix.length)) ? "grpc" : "";
};

/** gRPC's own mapping of HTTP statuses (doc/http-grpc-status-mapping.md); every other one is UNKNOWN. */
const statusTable: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};
const unknown = 2;
const deadlineExceeded = 4;

/** The status of gRPC for a refusal. A deadline that the client itself has set and that has passed is told as such. */
export const grpcStatusOf = (httpStatus: number, code: string, hasDeadline: boolean): number =>
  hasDeadline && code === "backend.timeout" ? deadlineExceeded : (statusTable[httpStatus] ?? unknown);

/** `grpc-message`: UTF-8, percent-encoded but for visible ASCII. */
export const grpcMessageOf = (text: string): string => {
  let out = "";
  for (const byte of Buffer.from(text.slice(0, 1_000))) {
    out +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
};

const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a `grpc-timeout`, or -1 where it is none: at most eight digits and a unit. */
export const grpcTimeoutMs = (value: string | undefined): number => {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value ?? "");
  if (match === null) return -1;
  return Number(match[1]) * (units[match[2] ?? ""] ?? 0);
};
