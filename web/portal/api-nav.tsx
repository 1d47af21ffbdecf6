import type { ReactElement } from "react";
import type { ApiOutline, OutlineTag } from "../../src/portals/api-outline.ts";
import type { PortalApi } from "../../src/portals/portal-api.ts";
import { Method } from "../ui/method.tsx";
import { apiPath, operationPath, tagPath } from "./links.ts";
import { strings } from "./strings.ts";

/** Operations that the column names; a longer group is one link away, so that a page never grows with its document. */
const operationsMax = 60;
const tagsMax = 150;

/** The left column: the tags of an API, the current one opened. */
export const ApiNav = ({
  api,
  outline,
  tag,
  operationId,
}: {
  readonly api: PortalApi;
  readonly outline: ApiOutline;
  readonly tag?: OutlineTag;
  readonly operationId?: string;
}): ReactElement => (
  <nav
    aria-label={strings.nav.contents}
    className="sticky top-14 hidden self-start lg:row-span-2 max-h-[calc(100dvh-3.5rem)] overflow-y-auto py-8 pr-4 lg:block"
  >
    <a
      href={apiPath(api.name)}
      className="nav-link mb-3 !text-sm font-semibold !text-ink"
      aria-current={tag === undefined ? "page" : undefined}
    >
      {api.title}
    </a>
    <ul>
      {windowOf(outline.tags, tag).map((one) => (
        <li key={one.name}>
          <a
            href={tagPath(api.name, one.name)}
            className="nav-link"
            aria-current={one.name === tag?.name && operationId === undefined ? "page" : undefined}
          >
            <span className={`min-w-0 truncate ${one.name === tag?.name ? "font-medium text-ink" : ""}`}>
              {one.name || strings.api.untagged}
            </span>
            <span className="ml-auto text-xs text-ink-faint">{one.operations.length}</span>
          </a>
          {one.name === tag?.name ? <TagOperations api={api} tag={one} operationId={operationId} /> : null}
        </li>
      ))}
    </ul>
  </nav>
);

const TagOperations = ({
  api,
  tag,
  operationId,
}: {
  readonly api: PortalApi;
  readonly tag: OutlineTag;
  readonly operationId: string | undefined;
}): ReactElement => {
  const shown = around(tag.operations, operationId);
  const prefix = commonPrefix(shown.map((operation) => operation.path));
  return (
    <ul className="mb-2 ml-2.5 border-l border-line pl-1.5">
      {shown.map((operation) => (
        <li key={operation.id}>
          <a
            href={operationPath(api.name, tag.name, operation.id)}
            className="nav-link !items-baseline"
            aria-current={operation.id === operationId ? "page" : undefined}
          >
            <Method method={operation.method} />
            <span className="line-clamp-2 min-w-0 [overflow-wrap:anywhere]">
              {operation.summary || `${prefix === "" ? "" : "…"}${operation.path.slice(prefix.length)}`}
            </span>
          </a>
        </li>
      ))}
      {shown.length < tag.operations.length ? (
        <li>
          <a href={tagPath(api.name, tag.name)} className="nav-link">
            {strings.api.allOf(tag.operations.length)}
          </a>
        </li>
      ) : null}
    </ul>
  );
};

/** The segments that all paths begin with: said once, they need not be read sixty times. */
const commonPrefix = (paths: readonly string[]): string => {
  const [first = "", ...others] = paths;
  if (others.length === 0) return "";
  const segments = first.split("/").slice(0, -1);
  while (segments.length > 1 && !others.every((path) => path.startsWith(`${segments.join("/")}/`))) segments.pop();
  return segments.join("/");
};

const windowOf = (tags: readonly OutlineTag[], tag: OutlineTag | undefined): readonly OutlineTag[] => {
  if (tags.length <= tagsMax) return tags;
  const at = Math.max(0, tags.findIndex((one) => one.name === tag?.name) - tagsMax / 2);
  return tags.slice(at, at + tagsMax);
};

const around = (operations: OutlineTag["operations"], id: string | undefined): OutlineTag["operations"] => {
  if (operations.length <= operationsMax) return operations;
  const index = operations.findIndex((one) => one.id === id);
  const at = Math.min(Math.max(0, index - operationsMax / 2), operations.length - operationsMax);
  return operations.slice(at, at + operationsMax);
};
