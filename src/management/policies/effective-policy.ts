import { filePathOf } from "../../bundle/bundle-paths.ts";
import { pathText } from "../../bundle/finding.ts";
import type { PolicyDocument, PolicySection } from "../../model/policy-document.ts";
import type { Plan } from "../../model/product.ts";
import type { PolicyScope } from "./scopes.ts";

/** One step in the order in which it runs, with the scope that says so. */
export interface EffectiveStep {
  readonly policy: string;
  readonly config: unknown;
  /** `plan`: a limit of the plan that a caller bought; `built-in`: what runs where nobody says anything. */
  readonly scope: PolicyScope["scope"] | "plan" | "built-in";
  readonly product?: string;
  /** Empty for what is built in. */
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
    let outer: readonly EffectiveStep[] = section === "backend" ? [forward] : [];
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

/** What the gateway does with a call where no scope has the section `backend`. */
const forward: EffectiveStep = { policy: "forward-request", config: {}, scope: "built-in", file: "", path: "" };

/** The limits that a plan sets, in the order in which they run: before the steps of every scope. */
export const planSteps = (
  product: string,
  plan: string,
  { "rate-limit": rate, quota }: Plan,
): readonly EffectiveStep[] =>
  Object.entries({ "rate-limit": rate, quota }).flatMap(([policy, config]) =>
    config === undefined
      ? []
      : [
          {
            policy,
            config,
            scope: "plan" as const,
            product,
            file: filePathOf("product", product),
            path: pathText(["plans", plan, policy]),
          },
        ],
  );

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
