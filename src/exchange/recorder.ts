/** What a note may hold: a fact that fits in a line. */
export type NoteValue = string | number | boolean | null;

/**
 * Keeps what is decided about one call, for `portico explain` and traces. Steps, their time, their decision and what they changed are
 * recorded by the engine; a policy only adds what nobody else can know: `x.record?.note("remaining", 4)`. Where nobody asked, `x.record` is
 * null and the argument is not even computed.
 */
export interface Recorder {
  /**
   * A fact about the step that runs now. Values are cut at 500 characters and known secrets are taken out of them, yet a policy must not
   * give one. A step that has waited before says with `at` (its `tools.at`) whose fact it is: others may have begun meanwhile.
   */
  note(name: string, value: NoteValue, at?: string): void;
}
