import type { WireExchange } from "./wire-exchange.ts";
import type { WireReply } from "./wire-reply.ts";

/** Sets what `setReplyHeader` was given on the reply that goes out. */
export const applyLateFields = (x: WireExchange, reply: WireReply): void => {
  for (let at = 0; at < x.lateFields.length; at += 2) {
    const name = x.lateFields[at] ?? "";
    const value = x.lateFields[at + 1] ?? "";
    // RFC 9110 section 12.5.5: what a policy varies by comes on top of what the backend varies by.
    if (isVary(name)) reply.fields.set(name, [...reply.fields.getAll(name), value].join(", "));
    else reply.fields.set(name, value);
  }
};

const isVary = (name: string): boolean => name.length === 4 && name.toLowerCase() === "vary";
