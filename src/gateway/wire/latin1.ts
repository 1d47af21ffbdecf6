/** What every Buffer of Node has, though its documentation names only the slower general forms. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, at: number): number;
}

/** The bytes `[start, end)` as a string, one character per byte. */
export const latin1Of = (bytes: Buffer, start: number, end: number): string =>
  (bytes as Buffer & Latin1Buffer).latin1Slice(start, end);

/** Writes one byte per character at `at`; answers how many. */
export const writeLatin1 = (bytes: Buffer, text: string, at: number): number =>
  (bytes as Buffer & Latin1Buffer).latin1Write(text, at);
