import { Fault } from "../../base/fault.ts";
import type { Body } from "../../exchange/exchange.ts";
import type { ReplyBody } from "../../exchange/reply.ts";
import { collect } from "./collect.ts";
import type { BodySource } from "./sides.ts";
import { sourceStream } from "./source-stream.ts";

const emptyBytes = new Uint8Array();

/** A body that passes by, unless somebody reads or replaces it. */
export class MessageBody implements Body {
  /** Where it comes from; null where the message came without a body. */
  source: BodySource | null = null;
  /** What goes out instead; undefined: the source's bytes. */
  replaced: ReplyBody | undefined = undefined;
  #reading: Promise<Uint8Array> | null = null;
  #isTaken = false;
  #isStreamed = false;
  readonly #isRequest: boolean;

  constructor(isRequest: boolean) {
    this.#isRequest = isRequest;
  }

  reset(source: BodySource | null): void {
    this.source = source;
    this.replaced = undefined;
    this.#reading = null;
    this.#isTaken = false;
    this.#isStreamed = false;
  }

  /** True once the source's bytes have been given to the other side: they cannot be read or sent again. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** The source, for whoever passes its bytes on. Once. */
  takeSource(): BodySource | null {
    this.#isTaken = this.source !== null;
    return this.source;
  }

  /** The source can be sent from its beginning again. */
  rewind(): void {
    this.#isTaken = false;
  }

  get isEmpty(): boolean {
    if (this.replaced === undefined) return this.source === null;
    return this.replaced === null || this.length === 0;
  }

  get length(): number | undefined {
    if (this.replaced === undefined) {
      if (this.source === null) return 0;
      return this.source.framing === "length" ? this.source.length : undefined;
    }
    if (this.replaced === null) return 0;
    if (typeof this.replaced === "string") return Buffer.byteLength(this.replaced);
    return this.replaced instanceof Uint8Array ? this.replaced.byteLength : undefined;
  }

  get whole(): Uint8Array | undefined {
    const body = this.replaced;
    if (body === undefined) return this.source === null ? emptyBytes : undefined;
    if (body === null) return emptyBytes;
    if (typeof body === "string") return this.#bytesOf(body);
    return body instanceof Uint8Array ? body : undefined;
  }

  /** The bytes of a text that replaces the body, made once. */
  #bytesOf(text: string): Uint8Array {
    const bytes = Buffer.from(text);
    this.replaced = bytes;
    return bytes;
  }

  /** True while the bytes of the source have not been asked for by anybody. */
  get isUntouched(): boolean {
    return this.replaced === undefined && this.#reading === null && !this.#isStreamed;
  }

  read(bytesMax: number): Promise<Uint8Array> {
    // Steps run one after the other, but a step may ask twice before the first answer is there.
    if (this.#reading !== null && this.replaced === undefined) return this.#reading;
    const reading = this.#read(bytesMax);
    this.#reading = reading;
    return reading;
  }

  stream(): AsyncIterable<Uint8Array> {
    const body = this.replaced;
    if (body !== undefined) return isIterable(body) ? body : wholeStream(body);
    const source = this.takeSource();
    this.#isStreamed = true;
    return source === null ? wholeStream(null) : sourceStream(source);
  }

  replace(body: ReplyBody): void {
    // Of a reply nobody wants the bytes any more; of a request the wire reads or cuts off the rest when the exchange ends.
    if (!this.#isRequest && this.isUntouched && !this.#isTaken) this.source?.cancel();
    this.replaced = body;
  }

  async #read(bytesMax: number): Promise<Uint8Array> {
    const body = this.replaced;
    if (body === undefined) {
      if (this.#isTaken) throw new Error("the body has already been passed on");
      const bytes =
        this.source === null ? Buffer.alloc(0) : await collect(this.source, bytesMax, () => this.#tooLarge());
      if (this.replaced === undefined && this.source !== null) this.replaced = bytes;
      return bytes;
    }
    if (body === null) return Buffer.alloc(0);
    if (typeof body === "string" || body instanceof Uint8Array) {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      if (bytes.byteLength > bytesMax) throw this.#tooLarge();
      return bytes;
    }
    const bytes = await gather(body, bytesMax, () => this.#tooLarge());
    this.replaced = bytes;
    return bytes;
  }

  #tooLarge(): Fault {
    return this.#isRequest
      ? new Fault("request.body_too_large", { public: "The body is larger than a policy may hold.", status: 413 })
      : new Fault("backend.reply_invalid", {
          public: "The backend's reply is larger than a policy may hold.",
          status: 502,
        });
  }
}

const isIterable = (body: ReplyBody): body is AsyncIterable<Uint8Array> =>
  body !== null && typeof body !== "string" && !(body instanceof Uint8Array);

async function* wholeStream(body: string | Uint8Array | null): AsyncGenerator<Uint8Array> {
  if (body !== null && body.length > 0) yield typeof body === "string" ? Buffer.from(body) : body;
}

const gather = async (
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
  tooLarge: () => Fault,
): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.byteLength;
    if (length > bytesMax) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
};
