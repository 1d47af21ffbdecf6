import type { ExchangeRequest } from "../../exchange/exchange.ts";
import type { Claim } from "./claims.ts";
import { decodeSegment } from "./path-template.ts";

/** The parts of a request that decide about the API. */
export type RoutedRequest = Pick<ExchangeRequest, "host" | "path" | "headers" | "queryParameter">;

/**
 * All APIs by host, base path and version. Changed in place between two requests: a look-up is synchronous and nobody holds the
 * index over a wait, so a change is seen as one step however large it is.
 */
export interface RouteIndex<A> {
  /** The API for a request, or undefined; then `restStart` is where the operation's part of the path begins. */
  find(request: RoutedRequest): A | undefined;
  /** Valid until the next `find`. */
  readonly restStart: number;
  /** After a `find` that found nothing: the path is an API's, but no version of it is the one that the request names. */
  readonly hasOtherVersions: boolean;
  add(claim: Claim, api: A): void;
  remove(claim: Claim): void;
  holderOf(key: string): A | undefined;
}

interface Versions<A> {
  /** Serves the calls that name no version. */
  unnamed: A | undefined;
  selectors:
    | { readonly scheme: "header" | "query"; readonly parameter: string; readonly values: Map<string, A> }[]
    | null;
}

interface Node<A> {
  readonly children: Map<string, Node<A>>;
  versions: Versions<A> | null;
}

/**
 * An empty index. The most specific host that has the base path decides: the exact name, then wildcards from the longest to the
 * shortest (`*.` stands for one or more labels), then APIs for every host. Within a host the longest base path wins; there is no
 * falling back to a shorter one when the API there lacks the operation.
 */
export const createRouteIndex = <A>(): RouteIndex<A> => {
  const exactHosts = new Map<string, Node<A>>();
  const wildcardHosts = new Map<string, Node<A>>();
  const anyHost = emptyNode<A>();
  const holders = new Map<string, A>();
  let restStart = 0;
  let found: Versions<A> | null = null;

  // Leaves the deepest node with an API in `found`, and the end of its path in `restStart`.
  const descend = (root: Node<A>, path: string, hasEncoding: boolean): boolean => {
    let node = root;
    let position = 0;
    found = node.versions;
    restStart = 0;
    while (position < path.length && node.children.size > 0) {
      const slash = path.indexOf("/", position + 1);
      const end = slash < 0 ? path.length : slash;
      const raw = path.slice(position + 1, end);
      const next = node.children.get(hasEncoding ? decodeSegment(raw) : raw);
      if (next === undefined) break;
      node = next;
      position = end;
      if (node.versions !== null) {
        found = node.versions;
        restStart = end;
      }
    }
    return found !== null;
  };

  const descendByHost = (host: string, path: string, hasEncoding: boolean): boolean => {
    const exact = exactHosts.get(host);
    if (exact !== undefined && descend(exact, path, hasEncoding)) return true;
    if (wildcardHosts.size > 0) {
      for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
        const wildcard = wildcardHosts.get(host.slice(dot + 1));
        if (wildcard !== undefined && descend(wildcard, path, hasEncoding)) return true;
      }
    }
    return descend(anyHost, path, hasEncoding);
  };

  const rootOf = (host: string, make: boolean): Node<A> | undefined => {
    if (host === "") return anyHost;
    const isWildcard = host.startsWith("*.");
    const hosts = isWildcard ? wildcardHosts : exactHosts;
    const name = isWildcard ? host.slice(2) : host;
    let root = hosts.get(name);
    if (root === undefined && make) {
      root = emptyNode();
      hosts.set(name, root);
    }
    return root;
  };

  return {
    get restStart() {
      return restStart;
    },
    get hasOtherVersions() {
      return found !== null;
    },
    find: (request) => {
      const { path } = request;
      const hasEncoding = path.includes("%");
      const isFound =
        exactHosts.size === 0 && wildcardHosts.size === 0
          ? descend(anyHost, path, hasEncoding)
          : descendByHost(hostName(request.host), path, hasEncoding);
      if (!isFound || found === null) return undefined;
      return found.selectors === null ? found.unnamed : select(found, request);
    },
    add: (claim, api) => {
      let node = rootOf(claim.host, true) ?? anyHost;
      for (const segment of segmentsOf(claim.path)) {
        let next = node.children.get(segment);
        if (next === undefined) {
          next = emptyNode();
          node.children.set(segment, next);
        }
        node = next;
      }
      node.versions ??= { unnamed: undefined, selectors: null };
      put(node.versions, claim, api);
      holders.set(claim.key, api);
    },
    remove: (claim) => {
      holders.delete(claim.key);
      const root = rootOf(claim.host, false);
      if (root === undefined) return;
      takeOut(root, segmentsOf(claim.path), 0, claim);
      if (!isEmpty(root) || claim.host === "") return;
      if (claim.host.startsWith("*.")) wildcardHosts.delete(claim.host.slice(2));
      else exactHosts.delete(claim.host);
    },
    holderOf: (key) => holders.get(key),
  };
};

/** The host without port and without the root's dot: `api.example.com.:8080` is `api.example.com`. */
export const hostName = (host: string): string => {
  let end = host.length;
  if (host.startsWith("[")) {
    const close = host.indexOf("]");
    if (close >= 0) end = close + 1;
  } else {
    const colon = host.indexOf(":");
    if (colon >= 0) end = colon;
  }
  if (end > 1 && host.charCodeAt(end - 1) === 46) end--;
  return end === host.length ? host : host.slice(0, end);
};

const emptyNode = <A>(): Node<A> => ({ children: new Map(), versions: null });

const isEmpty = <A>(node: Node<A>): boolean => node.versions === null && node.children.size === 0;

const segmentsOf = (path: string): readonly string[] => (path === "" ? [] : path.slice(1).split("/"));

const select = <A>(versions: Versions<A>, request: RoutedRequest): A | undefined => {
  for (const selector of versions.selectors ?? []) {
    const wanted =
      selector.scheme === "header"
        ? request.headers.get(selector.parameter)
        : request.queryParameter(selector.parameter);
    // A call that names a version that does not exist is not served by another one.
    if (wanted !== undefined) return selector.values.get(wanted);
  }
  return versions.unnamed;
};

const put = <A>(versions: Versions<A>, claim: Claim, api: A): void => {
  const { selector } = claim;
  if (selector === null) {
    versions.unnamed = api;
    return;
  }
  versions.selectors ??= [];
  let row = versions.selectors.find((one) => one.scheme === selector.scheme && one.parameter === selector.parameter);
  if (row === undefined) {
    row = { scheme: selector.scheme, parameter: selector.parameter, values: new Map() };
    versions.selectors.push(row);
    // Headers before query parameters, then by name: the order must not depend on which API came first.
    versions.selectors.sort((a, b) => (`${a.scheme} ${a.parameter}` < `${b.scheme} ${b.parameter}` ? -1 : 1));
  }
  row.values.set(selector.value, api);
};

const takeOut = <A>(node: Node<A>, segments: readonly string[], depth: number, claim: Claim): void => {
  const segment = segments[depth];
  if (segment !== undefined) {
    const child = node.children.get(segment);
    if (child === undefined) return;
    takeOut(child, segments, depth + 1, claim);
    if (isEmpty(child)) node.children.delete(segment);
    return;
  }
  if (node.versions === null) return;
  const { selector } = claim;
  if (selector === null) node.versions.unnamed = undefined;
  else {
    const rows = node.versions.selectors ?? [];
    const row = rows.find((one) => one.scheme === selector.scheme && one.parameter === selector.parameter);
    row?.values.delete(selector.value);
    const left = rows.filter((one) => one.values.size > 0);
    node.versions.selectors = left.length === 0 ? null : left;
  }
  if (node.versions.unnamed === undefined && node.versions.selectors === null) node.versions = null;
};
