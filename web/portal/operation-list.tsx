import type { ReactElement } from "react";
import type { OutlineOperation } from "../../src/portals/api-outline.ts";
import { Method } from "../ui/method.tsx";
import { operationPath } from "./links.ts";
import { strings } from "./strings.ts";

/** Operations as rows: method, path, what it does. */
export const OperationList = ({
  api,
  entries,
}: {
  readonly api: string;
  readonly entries: readonly { readonly tag: string; readonly operation: OutlineOperation }[];
}): ReactElement => (
  <ul className="card divide-y divide-line overflow-hidden">
    {entries.map(({ tag, operation }) => (
      <li key={operation.id}>
        <a
          href={operationPath(api, tag, operation.id)}
          className="grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-3 gap-y-0.5 px-4 py-2.5 hover:bg-hover sm:grid-cols-[auto_minmax(0,1fr)_minmax(0,1fr)]"
        >
          <Method method={operation.method} />
          <code
            className={`[overflow-wrap:anywhere] ${operation.isDeprecated ? "line-through decoration-ink-faint" : ""}`}
          >
            {operation.path}
          </code>
          <span className="col-start-2 text-sm [overflow-wrap:anywhere] text-ink-soft sm:col-start-3">
            {operation.summary}
            {operation.isDeprecated ? <span className="chip ml-2">{strings.operation.deprecated}</span> : null}
          </span>
        </a>
      </li>
    ))}
  </ul>
);
