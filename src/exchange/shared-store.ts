/**
 * Bytes by key that all threads of the process share: bounded, lost with the process, and given up under pressure. Whoever asks copes
 * with finding nothing.
 */
export interface SharedStore {
  /** Bytes of the largest value that is kept. */
  readonly valueBytesMax: number;
  /** A copy of the value, or undefined where there is none, or none any more. */
  get(key: string, nowMs: number): Uint8Array | undefined;
  /** Keeps a value until `expiresAtMs` at most. False where it is too large or no room could be made. */
  set(key: string, value: Uint8Array, expiresAtMs: number, nowMs: number): boolean;
  /** True where there was one. */
  delete(key: string): boolean;
  /** Everything that carries the tag and was kept before now counts as gone: whoever reads compares with `purgedAtMs`. */
  purge(tag: string, nowMs: number): void;
  /** When the tag, or one of the few that share its place, was last purged; 0 for never. */
  purgedAtMs(tag: string): number;
}
