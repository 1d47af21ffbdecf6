import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { after } from "node:test";
import { HpackDecoder } from "../../src/gateway/h2/hpack-decoder.ts";
import { connectRaw, eventually, type RawClient } from "../wire/testing-wire.ts";

/** A frame as it came. */
export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** The bytes of a frame, as a test wants them, legal or not. */
export const frame = (type: number, flagBits: number, id: number, payload: Buffer | string = ""): string => {
  const body = typeof payload === "string" ? payload : payload.toString("latin1");
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flagBits;
  head.writeUInt32BE(id, 5);
  return head.toString("latin1") + body;
};

const text = (value: string): string => {
  if (value.length >= 127) {
    let rest = value.length - 127;
    let out = "\x7f";
    for (; rest >= 128; rest = Math.floor(rest / 128)) out += String.fromCharCode((rest % 128) + 128);
    return out + String.fromCharCode(rest) + value;
  }
  return String.fromCharCode(value.length) + value;
};

export type FieldList = readonly (readonly [name: string, value: string])[];

/** A header block of literals, without tables and without Huffman: any bytes whatever. */
export const block = (fields: FieldList): string =>
  fields.map(([name, value]) => `\0${text(name)}${text(value)}`).join("");

/** A legal GET, with changes. */
export const get = (path = "/a", more: FieldList = []): FieldList => [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", path],
  [":authority", "gateway.test"],
  ...more,
];

export const post = (path = "/a", more: FieldList = []): FieldList => [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", path],
  [":authority", "gateway.test"],
  ...more,
];

export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
export const uint32 = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes.toString("latin1");
};

export const headers = (id: number, fields: FieldList, isEnd = true): string =>
  frame(types.headers, flags.endHeaders | (isEnd ? flags.endStream : 0), id, block(fields));

/** A client that speaks frames. */
export interface FrameClient {
  readonly raw: RawClient;
  readonly frames: readonly SeenFrame[];
  send(bytes: string): void;
  until(isEnough: (frames: readonly SeenFrame[]) => boolean, what?: string): Promise<readonly SeenFrame[]>;
  /** The head of the reply on a stream, as fields. */
  reply(id: number): Promise<Readonly<Record<string, string>>>;
  /** The code of the RST_STREAM on a stream. */
  reset(id: number): Promise<number>;
  /** The code of the last GOAWAY. */
  goaway(): Promise<number>;
  /** All DATA of a stream so far. */
  body(id: number): string;
  close(): void;
}

/** Connects, and says what a client says first. */
export const connectFrames = async (
  port: number,
  settings: readonly (readonly [number, number])[] = [],
  begin = preface,
): Promise<FrameClient> => {
  const raw = await connectRaw(port, { isRecording: false });
  const frames: SeenFrame[] = [];
  const heads = new Map<number, Record<string, string>[]>();
  const decoder = new HpackDecoder(4096);
  let rest = Buffer.alloc(0);
  let hasEnded = false;
  raw.socket.on("end", () => {
    hasEnded = true;
  });
  raw.socket.on("close", () => {
    hasEnded = true;
  });
  raw.socket.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 9) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < 9 + length) return;
      const seen = {
        type: rest[3] ?? 0,
        flags: rest[4] ?? 0,
        id: rest.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(rest.subarray(9, 9 + length)),
      };
      rest = rest.subarray(9 + length);
      if (seen.type === types.headers) {
        const fields: Record<string, string> = {};
        decoder.decode(seen.payload, {
          take: ({ name, value }) => {
            if (!/^:?[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) throw new Error(`not a name: ${JSON.stringify(name)}`);
            fields[name] = value;
            return true;
          },
        });
        heads.set(seen.id, [...(heads.get(seen.id) ?? []), fields]);
      }
      frames.push(seen);
    }
  });
  const payload = settings
    .map(([id, value]) => {
      const bytes = Buffer.alloc(6);
      bytes.writeUInt16BE(id, 0);
      bytes.writeUInt32BE(value, 2);
      return bytes.toString("latin1");
    })
    .join("");
  raw.send(begin + frame(types.settings, 0, 0, payload));
  const until: FrameClient["until"] = async (isEnough, what = "the frames") => {
    await eventually(() => isEnough(frames) || hasEnded, `${what}; so far ${JSON.stringify(frames.slice(-10))}`);
    return frames;
  };
  const found = async (type: number, id: number): Promise<SeenFrame> => {
    await until((all) => all.some((one) => one.type === type && one.id === id), `frame ${type} on ${id}`);
    const last = frames.findLast((one) => one.type === type && one.id === id);
    if (last === undefined) throw new Error(`no frame ${type} on stream ${id}: ${JSON.stringify(frames)}`);
    return last;
  };
  return {
    raw,
    frames,
    send: (bytes) => raw.send(bytes),
    until,
    reply: async (id) => {
      await found(types.headers, id);
      return heads.get(id)?.at(-1) ?? {};
    },
    reset: async (id) => (await found(types.reset, id)).payload.readUInt32BE(0),
    goaway: async () => (await found(types.goaway, 0)).payload.readUInt32BE(4),
    body: (id) =>
      frames
        .filter((one) => one.type === types.data && one.id === id)
        .map(({ payload: bytes }) => bytes.toString("latin1"))
        .join(""),
    close: () => raw.socket.destroy(),
  };
};

const sessions = new Set<ClientHttp2Session>();
after(() => {
  for (const session of sessions) session.destroy();
});

/** Node's own client, as an independent one. */
export const nodeSession = (
  port: number,
  options: Parameters<typeof connectHttp2>[1] = {},
  scheme: "http" | "https" = "http",
): ClientHttp2Session => {
  const session = connectHttp2(`${scheme}://127.0.0.1:${port}`, options);
  session.on("error", () => {});
  sessions.add(session);
  session.on("close", () => sessions.delete(session));
  return session;
};

export interface NodeReply {
  readonly headers: IncomingHttpHeaders & { readonly ":status"?: number | undefined };
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
}

/** One call through Node's client. */
export const ask = (
  session: ClientHttp2Session,
  fields: Record<string, string | string[]>,
  body?: string | Buffer,
): Promise<NodeReply> =>
  new Promise((resolve, reject) => {
    const stream = session.request(fields, { endStream: body === undefined });
    let head: NodeReply["headers"] = {};
    let trailers: IncomingHttpHeaders = {};
    let got = "";
    stream.on("response", (seen) => {
      head = seen;
    });
    stream.on("trailers", (seen) => {
      trailers = seen;
    });
    stream.on("data", (bytes: Buffer) => {
      got += bytes.toString("latin1");
    });
    stream.on("error", reject);
    stream.on("close", () => resolve({ headers: head, body: got, trailers }));
    if (body !== undefined) stream.end(body);
  });
