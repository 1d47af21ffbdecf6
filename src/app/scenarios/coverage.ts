import type { Policy, PolicyTools } from "../../exchange/policy.ts";
import type { ExplainedStep } from "../../model/explanation.ts";

/** A policy or a branch, and how often scenarios ran it. */
export interface CoveredPlace {
  readonly kind: "policy" | "branch";
  readonly policy: string;
  readonly file: string;
  readonly path: string;
  readonly runs: number;
}

/** Which policies, and which branches of those that have steps within, have run. One for all scenarios. */
export interface Coverage {
  /** The policies, so that what is built of them is known and counted. */
  counted(policies: readonly Policy[]): readonly Policy[];
  /** The call of the backend is the engine's own step: only the record knows it. */
  ran(steps: readonly ExplainedStep[]): void;
  places(): readonly CoveredPlace[];
}

/** Nothing known yet. */
export const createCoverage = (): Coverage => {
  const places = new Map<string, { readonly kind: CoveredPlace["kind"]; readonly policy: string; runs: number }>();
  const placeOf = (at: string, kind: CoveredPlace["kind"], policy: string): { runs: number } => {
    const known = places.get(at) ?? { kind, policy, runs: 0 };
    places.set(at, known);
    return known;
  };

  const compile = (policy: Policy, config: unknown, tools: PolicyTools): ReturnType<Policy["compile"]> => {
    const built = policy.compile(config, {
      ...tools,
      block: (steps, path) => {
        const run = tools.block(steps, path);
        const branch = placeOf(`${tools.at}${path}`, "branch", policy.name);
        return (x) => {
          branch.runs += 1;
          return run(x);
        };
      },
    });
    // What the engine adds by itself, such as the protection of an API, stands in no policy document.
    if (built === undefined || tools.target.scope === "") return built;
    const place = placeOf(tools.at, "policy", policy.name);
    if ("forward" in built) return built;
    const { step, preflight } = built;
    return {
      ...built,
      step: (x) => {
        place.runs += 1;
        return step(x);
      },
      ...(preflight === undefined
        ? {}
        : {
            preflight: (x) => {
              place.runs += 1;
              return preflight(x);
            },
          }),
    };
  };

  const ran = (steps: readonly ExplainedStep[]): void => {
    for (const step of steps) {
      const place = step.decision.kind === "forwarded" ? places.get(`${step.file} ${step.path}`) : undefined;
      if (place !== undefined) place.runs += 1;
      ran(step.steps);
    }
  };

  return {
    counted: (policies) =>
      policies.map((policy) => ({ ...policy, compile: (config, tools) => compile(policy, config, tools) })),
    ran,
    places: () =>
      [...places].map(([at, { kind, policy, runs }]) => {
        const space = at.indexOf(" ");
        return { kind, policy, file: at.slice(0, space), path: at.slice(space + 1), runs };
      }),
  };
};
