import { STATUS_CODES } from "node:http";
import type { ExchangeReply } from "../../exchange/exchange.ts";
import { Head } from "./head.ts";
import { HeadFields } from "./head-fields.ts";
import { latin1Of } from "./latin1.ts";
import { MessageBody } from "./message-body.ts";

/** The reply of an exchange: a backend's head as offsets with edits, or fields of a reply made here. */
export class WireReply implements ExchangeReply {
  readonly head: Head = new Head();
  readonly fields: HeadFields = new HeadFields();
  readonly body: MessageBody = new MessageBody(false);
  /** The head came from a backend, and its status line has not been changed. */
  isLineAsCame = false;
  #status = 0;
  #reason: string | null = null;

  reset(): void {
    this.head.release();
    this.fields.reset(null);
    this.body.reset(null);
    this.isLineAsCame = false;
    this.#status = 0;
    this.#reason = null;
  }

  /** Takes the head that has been scanned as the reply's. */
  becomeBackends(): void {
    this.fields.reset(this.head);
    this.isLineAsCame = this.head.minor === 1;
    this.#status = this.head.status;
    this.#reason = null;
  }

  /** Becomes a reply made here, without fields and body. */
  becomeOurs(status: number, reason: string): void {
    this.reset();
    this.#status = status;
    this.#reason = reason;
  }

  get headers(): HeadFields {
    return this.fields;
  }

  get status(): number {
    return this.#status;
  }

  set status(status: number) {
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`not a final status: ${status}`);
    this.reason = STATUS_CODES[status] ?? "";
    this.#status = status;
  }

  get reason(): string {
    if (this.#reason === null) this.#reason = latin1Of(this.head.bytes, this.head.reasonStart, this.head.reasonEnd);
    return this.#reason;
  }

  set reason(reason: string) {
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(reason)) throw new RangeError("the reason holds a control character");
    this.isLineAsCame = false;
    this.#reason = reason;
  }
}
