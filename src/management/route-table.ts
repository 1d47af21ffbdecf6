import { Fault } from "../base/fault.ts";
import type { Method, Operation } from "./operation.ts";

/** What a path leads to. */
interface RouteMatch {
  readonly operation: Operation | undefined;
  /** The methods that the path has. */
  readonly methods: readonly Method[];
  readonly params: Readonly<Record<string, string>>;
}

/** Finds operations by method and path. */
export interface RouteTable {
  /** `path` is below `/api/v1`, still percent-encoded; undefined where no operation has it. */
  find(method: string, path: string): RouteMatch | undefined;
}

interface Route {
  readonly operation: Operation;
  readonly segments: readonly Segment[];
}

/** A literal, or a parameter with an optional verb behind it: `{id}:rotate`. */
type Segment = { readonly literal: string } | { readonly parameter: string; readonly suffix: string };

/** A table of the operations. A literal segment wins over a parameter, and one with a verb over one without. */
export const routeTable = (operations: readonly Operation[]): RouteTable => {
  const routes = new Map<number, Route[]>();
  for (const operation of operations) {
    const segments = operation.path.slice(1).split("/").map(segmentOf);
    const same = routes.get(segments.length) ?? [];
    same.push({ operation, segments });
    routes.set(segments.length, same);
  }
  for (const same of routes.values()) same.sort((a, b) => weightOf(b) - weightOf(a));
  return {
    find: (method, path) => {
      const parts = path.slice(1).split("/");
      const matches = (routes.get(parts.length) ?? []).flatMap((route) => {
        const params = match(route.segments, parts);
        return params === undefined ? [] : [{ route, params }];
      });
      const first = matches[0];
      if (first === undefined) return undefined;
      // All methods of one path have the same segments: those that match less closely are other paths.
      const same = matches.filter(({ route }) => route.operation.path === first.route.operation.path);
      const found = same.find(({ route }) => route.operation.method === method);
      return {
        operation: found?.route.operation,
        methods: same.map(({ route }) => route.operation.method),
        params: found?.params ?? first.params,
      };
    },
  };
};

const segmentOf = (text: string): Segment => {
  const found = /^\{(\w+)\}(:\w+)?$/.exec(text);
  return found === null ? { literal: text } : { parameter: found[1] ?? "", suffix: found[2] ?? "" };
};

const weightOf = (route: Route): number =>
  route.segments.reduce(
    (weight, segment) => weight * 3 + ("literal" in segment ? 2 : segment.suffix === "" ? 0 : 1),
    0,
  );

const match = (segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined => {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? "";
    if ("literal" in segment) {
      if (part !== segment.literal) return undefined;
      continue;
    }
    if (!part.endsWith(segment.suffix)) return undefined;
    const value = decode(segment.suffix === "" ? part : part.slice(0, -segment.suffix.length));
    if (value === "") return undefined;
    params[segment.parameter] = value;
  }
  return params;
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new Fault("parameter.invalid", { public: "The path has a bad percent-encoding.", status: 400, cause });
  }
};
