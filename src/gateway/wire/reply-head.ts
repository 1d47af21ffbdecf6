import { STATUS_CODES } from "node:http";
import {
  droppedFromReply,
  kindContentLength,
  kindDate,
  kindOfName,
  kindTransferEncoding,
  ownedInReply,
} from "./known-names.ts";
import { writeLatin1 } from "./latin1.ts";
import type { WireReply } from "./wire-reply.ts";

/** What the engine decided about a reply's head beside the reply itself. */
export interface ReplyHeadPlan {
  /** The backend's own Content-Length line goes on. */
  readonly keepsLength: boolean;
  /** The backend's own `Transfer-Encoding: chunked` goes on. */
  readonly keepsEncoding: boolean;
  /** Lines that the engine adds, with their CRLF: framing, connection, request id. */
  readonly lines: string;
}

/**
 * Writes a reply's head and, behind it, the first bytes of its body into one buffer: one write for a small reply. Unchanged lines are
 * copied in runs; a string is made only for what is added.
 */
export const composeReply = (
  reply: WireReply,
  plan: ReplyHeadPlan,
  body: Uint8Array | null,
  dates: { dateText(): string },
): Buffer => {
  const { head, fields } = reply;
  const isOurs = fields.head === null;
  let tail = plan.lines;
  const added = fields.added;
  for (let at = 0; at < added.length; at += 2) {
    const name = added[at] ?? "";
    if (ownedInReply[kindOfName(name)] === 0) tail += `${name}: ${added[at + 1] ?? ""}\r\n`;
  }
  if ((isOurs || head.indexOf(kindDate) < 0) && !(added.length > 0 && fields.hasAdded("date"))) {
    tail += `date: ${dates.dateText()}\r\n`;
  }
  tail += "\r\n";
  const line = reply.isLineAsCame
    ? ""
    : `HTTP/1.1 ${reply.status} ${reply.reason || (STATUS_CODES[reply.status] ?? "")}\r\n`;
  const bodyLength = body === null ? 0 : body.length;
  const out = Buffer.allocUnsafe(line.length + (isOurs ? 0 : head.end - head.start) + tail.length + bodyLength);
  let at = line === "" ? 0 : writeLatin1(out, line, 0);
  if (!isOurs) at = copyLines(reply, plan, out, at);
  at += writeLatin1(out, tail, at);
  if (body !== null) {
    out.set(body, at);
    at += bodyLength;
  }
  return at === out.length ? out : out.subarray(0, at);
};

const copyLines = (reply: WireReply, plan: ReplyHeadPlan, out: Buffer, to: number): number => {
  const { head } = reply;
  const { bytes, kinds, count } = head;
  let at = to;
  let runStart = reply.isLineAsCame ? head.start : head.lineStart(0);
  for (let index = 0; index < count; index++) {
    const kind = kinds[index] ?? 0;
    if (kind === 0) continue;
    const isDropped =
      kind >= 0x80 ||
      droppedFromReply[kind] === 1 ||
      (kind === kindContentLength && !plan.keepsLength) ||
      (kind === kindTransferEncoding && !plan.keepsEncoding);
    if (!isDropped) continue;
    const lineStart = head.lineStart(index);
    if (lineStart > runStart) at += bytes.copy(out, at, runStart, lineStart);
    runStart = head.lineStart(index + 1);
  }
  const end = head.end - 2;
  if (end > runStart) at += bytes.copy(out, at, runStart, end);
  return at;
};
