import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { Fault } from "../base/fault.ts";

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** Codings of a `Content-Encoding` field in the order in which they were applied, without `identity` (RFC 9110 section 8.4). */
export const codingsOf = (field: string | undefined): readonly string[] =>
  (field ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");

/** True where `decoded` can undo all of them. */
export const isDecodable = (codings: readonly string[]): boolean =>
  codings.length <= 3 && codings.every((coding) => Object.hasOwn(decoders, coding));

/**
 * The bytes behind their content codings, as they come. Throws a Fault `request.body_too_large` in the iteration when more than
 * `bytesMax` come out (a small body may hold gigabytes), and `request.body_invalid` where the bytes are not what the field says.
 */
export const decoded = (
  bytes: AsyncIterable<Uint8Array>,
  codings: readonly string[],
  bytesMax: number,
): AsyncIterable<Uint8Array> => {
  let stream = bytes;
  for (const coding of codings.toReversed()) {
    const make = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
    if (make === undefined) throw new RangeError(`unknown content coding ${coding}`);
    stream = through(stream, make());
  }
  return codings.length === 0 ? stream : limited(stream, bytesMax);
};

async function* through(bytes: AsyncIterable<Uint8Array>, decoder: Transform): AsyncGenerator<Uint8Array> {
  let sourceFault: unknown;
  const source = Readable.from(
    rethrowing(bytes, (thrown) => (sourceFault = thrown)),
    { objectMode: false },
  );
  const done = pipeline(source, decoder);
  // Whoever iterates is told; nobody waits for the promise itself.
  done.catch(() => {});
  try {
    for await (const part of decoder) yield part;
  } catch (cause) {
    if (sourceFault !== undefined) throw sourceFault;
    throw new Fault("request.body_invalid", {
      public: "The body is not what its Content-Encoding says.",
      status: 400,
      cause,
    });
  } finally {
    decoder.destroy();
  }
}

async function* rethrowing(
  bytes: AsyncIterable<Uint8Array>,
  note: (thrown: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (thrown) {
    note(thrown);
    throw thrown;
  }
}

async function* limited(bytes: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const part of bytes) {
    length += part.byteLength;
    if (length > bytesMax)
      throw new Fault("request.body_too_large", { public: "The decoded body exceeds the limit.", status: 413 });
    yield part;
  }
}
