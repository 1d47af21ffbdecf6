import type { Reply } from "../../exchange/reply.ts";

/** A nested forward got no reply: carries the refusal that the caller is to see. */
export class ForwardRefused extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(reply.problem?.detail ?? `the backend answered ${reply.status}`);
    this.name = "ForwardRefused";
    this.reply = reply;
  }
}

/** The backend answered with an error status where `fail-on-error-status-code` asks to treat that as a failure; its reply stays. */
export class BackendStatusFault extends Error {
  constructor(status: number) {
    super(`the backend answered ${status}`);
    this.name = "BackendStatusFault";
  }
}
