import { Fault } from "../../base/fault.ts";
import type { Sending } from "../upstream/call-subject.ts";
import type { GrpcKind } from "../wire/grpc.ts";
import type { Framing } from "../wire/head.ts";
import { latin1Of, writeLatin1 } from "../wire/latin1.ts";
import type { BodySink, BodySource } from "../wire/sides.ts";

/*
 * gRPC-Web (grpc/grpc, doc/PROTOCOL-WEB.md) for backends that speak gRPC: what browsers cannot send, trailers, comes as the last frame
 * of the body, and in the text form everything is base64.
 */

/** The request as gRPC asks it. `web` is told of the reply's translation where there is one. */
export const translateRequest = (sending: Sending, kind: GrpcKind, web: (reply: GrpcWebReply) => void): Sending => {
  if (kind !== "web" && kind !== "web-text") return sending;
  const isText = kind === "web-text";
  const type = /\r\ncontent-type:[ \t]*([^\r\n]*)\r\n/i.exec(sending.head)?.[1] ?? "";
  web(new GrpcWebReply(isText));
  const lines = sending.head
    .slice(0, -2)
    .replace(/\r\ncontent-type:[^\r\n]*/i, `\r\ncontent-type: ${type.replace(/-web(?:-text)?/i, "")}`)
    .replace(/\r\n(?:accept|x-grpc-web|te):[^\r\n]*/gi, "")
    // A length of base64 is not the length of what it stands for.
    .replace(/\r\ncontent-length:[^\r\n]*/i, isText ? "" : "$&");
  const head = `${lines}TE: trailers\r\n\r\n`;
  if (!isText) return { ...sending, head };
  const { whole, source } = sending;
  return {
    ...sending,
    head,
    whole: whole === null ? null : Buffer.from(whole.toString("latin1"), "base64"),
    source: source === null ? null : new DecodedSource(source),
  };
};

/** The reply as gRPC-Web wants it. */
export class GrpcWebReply {
  readonly #isText: boolean;

  constructor(isText: boolean) {
    this.#isText = isText;
  }

  /** The head of the backend's reply with the type that the client understands; its length, if it has one, grows by the trailers. */
  head(text: string): string {
    const family = this.#isText ? "application/grpc-web-text" : "application/grpc-web";
    return text
      .replace(/\r\ncontent-type:[ \t]*application\/grpc(?![\w-])/i, `\r\ncontent-type: ${family}`)
      .replace(/\r\ncontent-length:[^\r\n]*/i, "");
  }

  /** Takes the backend's body and hands on the client's. `ended` follows the last byte. */
  sink(sink: BodySink, ended: (trailers: string) => void): BodySink {
    const encoder = this.#isText ? new Base64Encoder() : null;
    return {
      get isFlushed() {
        return encoder === null && sink.isFlushed;
      },
      take: (bytes) => sink.take(encoder === null ? bytes : encoder.take(bytes)),
      end: (trailers) => {
        const frame = trailerFrame(trailers);
        sink.take(encoder === null ? frame : encoder.end(frame));
        ended("");
      },
      fail: (why) => sink.fail(why),
    };
  }
}

/** A frame whose first bit says that it holds trailers: lines as HTTP/1 writes them, names in lower case. */
const trailerFrame = (trailers: string): Buffer => {
  const text = trailers.replace(/^[^:\r\n]+/gm, (name) => name.toLowerCase());
  const frame = Buffer.allocUnsafe(5 + text.length);
  frame[0] = 0x80;
  frame.writeUInt32BE(text.length, 1);
  writeLatin1(frame, text, 5);
  return frame;
};

/** Base64 of bytes that come in pieces, without padding in between. */
class Base64Encoder {
  #rest: Buffer = Buffer.alloc(0);

  take(bytes: Buffer): Buffer {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const whole = all.length - (all.length % 3);
    this.#rest = Buffer.from(all.subarray(whole));
    return Buffer.from(all.toString("base64", 0, whole), "latin1");
  }

  end(bytes: Buffer): Buffer {
    return Buffer.from(Buffer.concat([this.#rest, bytes]).toString("base64"), "latin1");
  }
}

const textPattern = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)*$/;

/** What base64 stands for, as it comes: pieces may be padded each by itself. Anything else breaks the body off. */
class DecodedSource implements BodySource {
  readonly framing: Framing = "close";
  readonly length = 0;
  readonly #source: BodySource;

  constructor(source: BodySource) {
    this.#source = source;
  }

  start(sink: BodySink): void {
    let rest = "";
    let isBroken = false;
    const broken = (): void => {
      isBroken = true;
      sink.fail(new Fault("request.body_invalid", { public: "The body is not base64.", status: 400 }));
    };
    this.#source.start(
      {
        isFlushed: false,
        take: (bytes) => {
          if (isBroken) return true;
          const text = rest + latin1Of(bytes, 0, bytes.length);
          const whole = text.length - (text.length % 4);
          rest = text.slice(whole);
          const decoded = decode(text.slice(0, whole));
          if (decoded !== null) return decoded.length === 0 || sink.take(decoded);
          broken();
          return true;
        },
        end: (trailers) => {
          if (isBroken) return;
          if (rest === "") sink.end(trailers);
          else broken();
        },
        fail: (why) => {
          if (!isBroken) sink.fail(why);
        },
      },
      false,
    );
  }

  resume(): void {
    this.#source.resume();
  }

  cancel(): void {
    this.#source.cancel();
  }
}

const decode = (text: string): Buffer | null => {
  if (!textPattern.test(text)) return null;
  if (!text.includes("=")) return Buffer.from(text, "base64");
  // Node stops at the first padding: each padded piece by itself.
  return Buffer.concat(text.split(/(?<==)(?!=)/).map((piece) => Buffer.from(piece, "base64")));
};
