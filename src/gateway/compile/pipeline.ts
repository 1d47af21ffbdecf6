import type { Section } from "../../exchange/policy.ts";
import type { CompiledStep } from "./compiled-step.ts";
import type { ListEntry } from "./step-builder.ts";

/** The four lists that one call runs. */
export interface Pipeline {
  readonly inbound: readonly CompiledStep[];
  readonly backend: readonly CompiledStep[];
  readonly outbound: readonly CompiledStep[];
  readonly onError: readonly CompiledStep[];
}

/** The built sections of one scope's document; an absent one is inherited. */
export type BuiltDocument = Readonly<Partial<Record<Section, readonly ListEntry[]>>>;

/** What runs where no scope says anything about the section `backend`. */
const defaultForward: CompiledStep = {
  policy: "forward-request",
  at: "",
  scope: "",
  section: "backend",
  step: (x) => x.forward({}).then(() => undefined),
  forward: {},
  preflight: null,
};

const defaults: Readonly<Record<Section, readonly CompiledStep[]>> = {
  inbound: [],
  backend: [defaultForward],
  outbound: [],
  "on-error": [],
};

/**
 * Puts the scopes together, from the outermost to the innermost: a section that is absent runs the outer scope's; one that is
 * present runs it where `base` stands, or not at all. `first` runs before everything else in inbound.
 */
export const assemblePipeline = (
  scopes: readonly (BuiltDocument | undefined)[],
  first: readonly CompiledStep[] = [],
): Pipeline => {
  const inbound = assembleSection("inbound", scopes);
  return {
    inbound: first.length === 0 ? inbound : [...first, ...inbound],
    backend: assembleSection("backend", scopes),
    outbound: assembleSection("outbound", scopes),
    onError: assembleSection("on-error", scopes),
  };
};

const assembleSection = (section: Section, scopes: readonly (BuiltDocument | undefined)[]): readonly CompiledStep[] => {
  let outer = defaults[section];
  for (const scope of scopes) {
    const own = scope?.[section];
    if (own === undefined) continue;
    const base = outer;
    outer = own.flatMap((entry) => (entry === "base" ? base : [entry]));
  }
  return outer;
};
