import { METHODS } from "node:http";
import type { ReadRequest } from "./strict-reader.ts";

/** What Portico takes although a peer refuses or reads it differently: each with the reason why nobody can use it to smuggle. */
export interface KnownDifference {
  readonly peer: "llhttp" | "nginx";
  readonly name: string;
  readonly reason: string;
  /** Whether this request, whose bytes are `text`, shows it. What stands behind it on its connection is lost for the peer too. */
  readonly shows: (request: ReadRequest, text: string) => boolean;
}

const llhttpMethods: ReadonlySet<string> = new Set(METHODS);

export const knownDifferences: readonly KnownDifference[] = [
  {
    peer: "llhttp",
    name: "a method that llhttp does not know",
    reason: "A method is any token (RFC 9110 section 9.1), and says nothing about where a request ends.",
    shows: ({ method }) => !llhttpMethods.has(method),
  },
  {
    peer: "llhttp",
    name: "requests behind one that asks for another protocol",
    reason:
      "llhttp stops there and leaves the rest to whoever upgrades. Portico overlooks such an Upgrade and passes none of it on (RFC 9110 section 7.8).",
    shows: (_, text) => /^upgrade:/im.test(text) && /^connection:.*upgrade/im.test(text),
  },
  {
    peer: "llhttp",
    name: "a framing field in a trailer",
    reason:
      "RFC 9110 section 6.5.1: a trailer frames nothing. llhttp refuses it; Portico drops it, so that no backend sees it.",
    shows: (_, text) => /\r\n0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding):/i.test(text),
  },
  {
    peer: "nginx",
    name: "a method with other characters than capital letters, `_` and `-`",
    reason: "A method is any token (RFC 9110 section 9.1), and says nothing about where a request ends.",
    shows: ({ method }) => !/^[A-Z_-]+$/.test(method),
  },
  {
    peer: "llhttp",
    name: "a minor version above 1",
    reason: "RFC 9110 section 2.5: it is spoken to as HTTP/1.1, and goes on as HTTP/1.1.",
    shows: (_, text) => /^\S+ \S+ HTTP\/1\.[2-9]\r$/m.test(text),
  },
  {
    peer: "nginx",
    name: "a tab before or behind a value",
    reason: "RFC 9110 section 5.6.3: it is optional white space like a blank. Portico passes the value on without it.",
    shows: (_, text) => /^[^\s:]+:[^\r\n]*\t/m.test(text),
  },
  {
    peer: "llhttp",
    name: "a tab behind a framing field's value",
    reason: "The same white space. Portico writes its own framing field for the backend.",
    shows: (_, text) => /^(?:transfer-encoding|content-length):[^\r\n]*\t/im.test(text),
  },
  {
    peer: "nginx",
    name: "a connection option that only holds the word `close`",
    reason:
      "nginx looks for the word anywhere in the value and closes early: requests behind it are lost there, none is added.",
    shows: (_, text) => /^connection:.*(?:[^\s,]close|close[^\s,])/im.test(text),
  },
  {
    peer: "nginx",
    name: "two Expect fields in HTTP/1.0",
    reason: "RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is ignored. Portico passes none on.",
    shows: (_, text) => / HTTP\/1\.0\r\n/.test(text) && /^expect:[\s\S]*^expect:/im.test(text),
  },
];
