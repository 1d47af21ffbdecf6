import { pathText } from "../../bundle/finding.ts";
import type { PolicyDocument, PolicySection } from "../../model/policy-document.ts";
import type { PolicyScope } from "./scopes.ts";

/** One step in the order in which it runs, with the scope that says so. */
export interface EffectiveStep {
  readonly policy: string;
  readonly config: unknown;
  readonly scope: PolicyScope["scope"];
  readonly product?: string;
  readonly file: string;
  /** Within the file. */
  readonly path: string;
}

/** A scope with what it says and where that stands. */
export interface WrittenPolicy {
  readonly at: PolicyScope;
  readonly document: PolicyDocument | undefined;
  readonly file: string;
  readonly path: string;
}

/**
 * What runs, section by section: each scope from the outermost inwards takes the place of what was outside of it, and `base`
 * marks where that runs. A scope that does not have the section changes nothing.
 */
export const effectivePolicy = (
  scopes: readonly WrittenPolicy[],
): Readonly<Record<PolicySection, readonly EffectiveStep[]>> => {
  const resolve = (section: PolicySection): readonly EffectiveStep[] => {
    let outer: readonly EffectiveStep[] = [];
    for (const scope of scopes) {
      const steps = scope.document?.[section];
      if (steps === undefined) continue;
      const base = outer;
      outer = steps.flatMap((step, index) => (step === "base" ? base : [stepOf(scope, section, index, step)]));
    }
    return outer;
  };
  return {
    inbound: resolve("inbound"),
    backend: resolve("backend"),
    outbound: resolve("outbound"),
    "on-error": resolve("on-error"),
  };
};

const stepOf = (
  { at, file, path }: WrittenPolicy,
  section: PolicySection,
  index: number,
  step: Readonly<Record<string, unknown>>,
): EffectiveStep => {
  const policy = Object.keys(step)[0] ?? "";
  return {
    policy,
    config: step[policy],
    scope: at.scope,
    ...(at.scope === "product" ? { product: at.product } : {}),
    file,
    path: [path, pathText([section, index, policy])].filter((part) => part !== "").join("."),
  };
};
