import { checkPath } from "../wire/check-path.ts";
import type { Head } from "../wire/head.ts";
import { kindLocation } from "../wire/known-names.ts";
import type { CallSubject } from "./call-subject.ts";
import type { UpstreamCall } from "./upstream-call.ts";

/**
 * Path and query of a redirect that is followed, or null where the client gets it. Followed: bounded in number, GET and HEAD without
 * a body, to the same origin only: a backend must not send the gateway, with its credentials, to somebody else (RFC 9110 section 15.4).
 */
export const redirectPath = (x: CallSubject, head: Head, call: UpstreamCall): string | null => {
  const { status } = head;
  if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) return null;
  const { method, body } = x.request;
  if ((method !== "GET" && method !== "HEAD") || !body.isEmpty || call.redirectsLeft <= 0) return null;
  const index = head.indexOf(kindLocation);
  if (index < 0 || head.isRepeated(kindLocation)) return null;
  const url = URL.parse(
    head.value(index),
    call.target.origin + (call.path ?? call.target.basePath + x.request.upstreamPath),
  );
  if (url === null || url.origin !== call.target.origin || !checkPath(url.pathname)) return null;
  return url.pathname + url.search;
};
