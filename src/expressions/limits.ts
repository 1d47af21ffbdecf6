/** What one expression may cost, when it is configured and each time it runs. Every bound has its test. */
export const expressionLimits = {
  /** Characters of source. */
  sourceCharactersMax: 4096,
  /** Nodes of the syntax tree. */
  nodesMax: 500,
  /** Nesting of calls, selects, indexes and literals. */
  depthMax: 32,
  listLiteralElementsMax: 200,
  mapLiteralEntriesMax: 100,
  callArgumentsMax: 16,
  /** Units of work per evaluation: an element of a comprehension, of a list that is searched, 16 characters looked through. */
  stepsMax: 20_000,
  /** Characters of any string that an operator or function makes, and of the result. */
  stringCharactersMax: 65_536,
  /** Elements of any list that an operator or function makes, and of the result. */
  listElementsMax: 10_000,
  /** Characters of a pattern for `matches`. */
  patternCharactersMax: 512,
} as const;
