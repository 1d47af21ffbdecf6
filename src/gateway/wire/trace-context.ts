import type { Head } from "./head.ts";
import { kindTraceparent, kindTracestate } from "./known-names.ts";

/** W3C Trace Context section 3.2.2; later versions may carry more behind the flags. */
const traceparentPattern =
  /^(?!ff)(?:00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$|(?!00)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:$|-))/;
const zeroIds = /^..-(?:0{32}|.{32}-0{16})/;

/** The client's `traceparent`, or an empty string where there is none that is legal: then the trace begins here. */
export const traceparentOf = (head: Head): string => {
  const index = head.indexOf(kindTraceparent);
  if (index < 0 || head.isRepeated(kindTraceparent)) return "";
  const value = head.value(index);
  return traceparentPattern.test(value) && !zeroIds.test(value) ? value : "";
};

const membersMax = 32;
const memberPattern =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** True where the head's `tracestate` lines together are a legal list (section 3.3.1); what is not is discarded, not handed on. */
export const isTracestateLegal = (head: Head): boolean => {
  const keys = new Set<string>();
  let members = 0;
  for (let index = head.indexOf(kindTracestate); index >= 0 && index < head.count; index++) {
    if (head.kindAt(index) !== kindTracestate || head.isRemoved(index)) continue;
    for (const part of head.value(index).split(",")) {
      const member = part.replace(/^[ \t]+|[ \t]+$/g, "");
      if (member === "") continue;
      const key = member.slice(0, member.indexOf("="));
      members += 1;
      if (members > membersMax || keys.has(key) || !memberPattern.test(member)) return false;
      keys.add(key);
    }
  }
  return true;
};
