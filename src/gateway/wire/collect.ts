import type { Fault } from "../../base/fault.ts";
import type { BodySource } from "./sides.ts";

/** Takes a whole body into memory, no more than `bytesMax` of it; rejects with `tooLarge` above, or with why it broke off. */
export const collect = (source: BodySource, bytesMax: number, tooLarge: () => Fault): Promise<Buffer> => {
  if (source.framing === "length" && source.length > bytesMax) {
    source.cancel();
    return Promise.reject(tooLarge());
  }
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    source.start(
      {
        isFlushed: false,
        take: (bytes) => {
          length += bytes.length;
          if (length <= bytesMax) {
            parts.push(bytes);
            return true;
          }
          parts.length = 0;
          reject(tooLarge());
          // Not from within its own call: the source is still walking these bytes.
          queueMicrotask(() => source.cancel());
          return false;
        },
        end: () => resolve(parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts)),
        fail: (why: Fault) => reject(why),
      },
      false,
    );
  });
};
