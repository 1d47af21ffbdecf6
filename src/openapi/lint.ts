import { lintMeaning, lintSchemas } from "./lint-meaning.ts";
import { type LintRuleName, lintRules, type RawFinding, type Severity } from "./lint-rules.ts";
import { lintStructure } from "./lint-structure.ts";
import { splitPlace } from "./pointer.ts";
import { type Position, type SourceMap, sourceMap } from "./position.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** One thing worth knowing about a document, with its place in the text. */
export interface LintFinding {
  readonly rule: LintRuleName;
  readonly severity: Severity;
  readonly message: string;
  /** The file it stands in, where that is not the document itself. */
  readonly file: string | undefined;
  readonly pointer: string;
  readonly line: number;
  readonly column: number;
  /** What to do about it. */
  readonly next: string;
}

/** Findings of one rule that are shown one by one. */
export const findingsPerRuleMax = 100;

/**
 * Everything worth knowing about a document, in the order of its text; the same document gives the same findings. Of each rule
 * the first `findingsPerRuleMax` are given, then one finding that counts the rest.
 */
export const lint = (document: OpenApiDocument): readonly LintFinding[] => {
  const map = sourceMap(document);
  const duplicates = map.duplicateKeys(findingsPerRuleMax);
  const raw: RawFinding[] = [...lintStructure(document), ...lintMeaning(document), ...lintSchemas(document)];
  const kept = withoutRest(raw);
  const positions = positionsOf(document, map, kept);
  const found: Placed[] = [
    ...kept.map((finding) => placed(finding, positions.get(finding.pointer))),
    ...duplicates.map(({ pointer, offset }) => {
      const message = `The name ${pointer.slice(pointer.lastIndexOf("/") + 1)} stands here a second time.`;
      return placed({ rule: "duplicate-key", message, pointer }, map.positionOfOffset(offset));
    }),
  ];
  return found.sort(inOrder).map(({ offset: _, ...finding }) => finding);
};

interface Placed extends LintFinding {
  readonly offset: number;
}

const withoutRest = (raw: readonly RawFinding[]): readonly RawFinding[] => {
  const kept: RawFinding[] = [];
  const seen = new Set<string>();
  const counts = new Map<LintRuleName, number>();
  for (const finding of raw) {
    // Shared parameters are looked at once per operation.
    const key = `${finding.rule} ${finding.pointer} ${finding.message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const count = (counts.get(finding.rule) ?? 0) + 1;
    counts.set(finding.rule, count);
    if (count <= findingsPerRuleMax) kept.push(finding);
  }
  for (const [rule, count] of counts) {
    if (count <= findingsPerRuleMax) continue;
    const message = `${count - findingsPerRuleMax} more findings of ${rule}.`;
    kept.push({
      rule: "findings-more",
      message,
      pointer: kept.findLast((finding) => finding.rule === rule)?.pointer ?? "",
    });
  }
  return kept;
};

const positionsOf = (
  document: OpenApiDocument,
  map: SourceMap,
  findings: readonly RawFinding[],
): ReadonlyMap<string, Position> => {
  const found = new Map<string, Position>();
  const byFile = Map.groupBy(
    new Set(findings.map((finding) => finding.pointer)),
    (pointer) => splitPlace(pointer).file,
  );
  for (const [file, places] of byFile) {
    const external = file === undefined ? undefined : document.externals.get(file);
    const source = file === undefined ? map : external === undefined ? undefined : sourceMap(external);
    const positions = source?.positions(places.map((place) => splitPlace(place).pointer));
    for (const place of places) {
      const position = positions?.get(splitPlace(place).pointer);
      if (position !== undefined) found.set(place, position);
    }
  }
  return found;
};

const placed = (finding: RawFinding, position: Position | undefined): Placed => ({
  rule: finding.rule,
  severity: finding.severity ?? lintRules[finding.rule].severity,
  message: finding.message,
  file: splitPlace(finding.pointer).file,
  pointer: finding.pointer,
  line: position?.line ?? 1,
  column: position?.column ?? 1,
  next: lintRules[finding.rule].next,
  offset: position?.offset ?? 0,
});

const inOrder = (a: Placed, b: Placed): number =>
  compare(a.file ?? "", b.file ?? "") ||
  a.offset - b.offset ||
  compare(a.rule, b.rule) ||
  compare(a.message, b.message);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
