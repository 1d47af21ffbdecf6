import { placeOf } from "../../bundle/bundle-paths.ts";
import { readYamlText, type YamlText } from "../../bundle/yaml-text.ts";
import type { ExplainedStep } from "../../model/explanation.ts";

/** The text of a bundle's file as it was applied, or undefined. */
export type SourceOf = (kind: string, name: string) => string | undefined;

/** The same steps with the line of each in its file, where the file's text is known. */
export const withLines = (steps: readonly ExplainedStep[], sourceOf: SourceOf): readonly ExplainedStep[] => {
  const texts = new Map<string, YamlText | undefined>();
  const textOf = (file: string): YamlText | undefined => {
    if (!texts.has(file)) {
      const place = placeOf(file);
      const source = place.role === "resource" ? sourceOf(place.kind, place.name) : undefined;
      texts.set(file, source === undefined ? undefined : readYamlText(source));
    }
    return texts.get(file);
  };
  const withLine = (step: ExplainedStep): ExplainedStep => {
    const steps = step.steps.map(withLine);
    const text = step.file === "" ? undefined : textOf(step.file);
    const path = partsOf(step.path);
    if (text === undefined || !text.has(path)) return { ...step, steps };
    return { ...step, line: text.place(path, "key").line, steps };
  };
  return steps.map(withLine);
};

/** The parts of a step's path. An operation's id may hold anything: it ends where its section begins. */
const partsOf = (path: string): readonly (string | number)[] => {
  const operation = /^operations\.(.+?)\.((?:inbound|backend|outbound|on-error)\[.*)$/s.exec(path);
  if (operation !== null) return ["operations", operation[1] ?? "", ...partsOf(operation[2] ?? "")];
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) =>
    index === undefined ? (name ?? "") : Number(index),
  );
};
