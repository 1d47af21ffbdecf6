import type { Exchange, ExchangeReply, ExchangeRequest } from "./exchange.ts";
import type { Section } from "./policy.ts";

/** The message that a policy of a section changes: the request in inbound and backend, in outbound and on-error the reply, if there is one. */
export const sectionMessage = (section: Section): ((x: Exchange) => ExchangeRequest | ExchangeReply | null) =>
  section === "outbound" || section === "on-error" ? (x) => x.reply : (x) => x.request;
