import type { Operation } from "./operation.ts";
import { refuse } from "./refuse.ts";

/** What a JSON body may have unless the operation says otherwise. */
const jsonBytesMax = 2 * 1024 * 1024;

/** A body as it was read, or as it is still to be read. */
export interface ReadRequestBody {
  readonly bytes: Uint8Array;
  readonly stream: ReadableStream<Uint8Array> | undefined;
  readonly mediaType: string;
}

/** Reads a request's body within the operation's limit, and refuses media types that it does not take. */
export const readBody = async (operation: Operation, request: Request): Promise<ReadRequestBody> => {
  const mediaType = (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (operation.body === undefined && operation.bytesBody === undefined) {
    await request.body?.cancel();
    return { bytes: new Uint8Array(), stream: undefined, mediaType };
  }
  if (operation.bytesBody?.isStreamed === true) {
    refuseMediaType(operation, mediaType);
    return { bytes: new Uint8Array(), stream: request.body ?? undefined, mediaType };
  }
  const bytes = await readBounded(request, operation.bodyBytesMax ?? jsonBytesMax);
  if (bytes.length > 0) refuseMediaType(operation, mediaType);
  if (bytes.length === 0 && operation.bytesBody !== undefined)
    throw refuse("body.missing", "This operation needs a body.");
  return { bytes, stream: undefined, mediaType };
};

/** The media types that an operation takes. */
export const mediaTypesOf = (operation: Pick<Operation, "method" | "bytesBody">): readonly string[] => {
  if (operation.bytesBody !== undefined) return operation.bytesBody.mediaTypes;
  return operation.method === "PATCH" ? ["application/merge-patch+json", "application/json"] : ["application/json"];
};

const refuseMediaType = (operation: Operation, mediaType: string): void => {
  const taken = mediaTypesOf(operation);
  if (taken.includes(mediaType) || taken.includes("*/*")) return;
  throw refuse(
    "body.media_type_unsupported",
    `Send ${taken.join(" or ")}${mediaType === "" ? "; the request has no Content-Type" : `, not ${mediaType}`}.`,
  );
};

/** A request's whole body within a limit. */
export const readBounded = async (request: Request, bytesMax: number): Promise<Uint8Array> => {
  const tooLarge = () => refuse("body.too_large", `The body may have ${bytesMax} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
