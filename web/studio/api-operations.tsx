import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { Method } from "../ui/method.tsx";
import { ApiFrame } from "./api-frame.tsx";
import { FilterField } from "./filter-field.tsx";
import { LoadingRows } from "./loading.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { operationsQuery } from "./queries.ts";
import type { OperationRow } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.api;

/** Rows that are drawn at once; a filter finds the others. */
const shownMax = 300;

/** What an API can do, one row per operation. */
export const ApiOperations = (): ReactElement => {
  const { api: name } = useParams({ from: "/shell/apis/$api/operations" });
  const operations = useQuery(operationsQuery(name));
  return (
    <ApiFrame
      name={name}
      tab={words.tabs.operations}
      twin={{ path: `/apis/${encodeURIComponent(name)}/operations`, cli: "./portico pull ." }}
    >
      {() =>
        operations.error !== null ? (
          <ProblemCard error={operations.error} onAgain={() => void operations.refetch()} />
        ) : operations.data === undefined ? (
          <LoadingRows rows={6} />
        ) : (
          <OperationTable api={name} operations={operations.data} />
        )
      }
    </ApiFrame>
  );
};

const OperationTable = ({
  api,
  operations,
}: {
  readonly api: string;
  readonly operations: readonly OperationRow[];
}): ReactElement => {
  const { q = "" } = useSearch({ from: "/shell/apis/$api/operations" });
  const navigate = useNavigate();
  const wanted = q.toLowerCase();
  const found = operations.filter((one) =>
    `${one.method} ${one.path} ${one.summary ?? ""} ${one.id} ${one.tags.join(" ")}`.toLowerCase().includes(wanted),
  );
  const filter = (text: string): void => {
    void navigate({
      to: "/apis/$api/operations",
      params: { api },
      search: text === "" ? {} : { q: text },
      replace: true,
    });
  };
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-4">
        <FilterField value={q} label={words.filterOperations} onChange={filter} />
        <p className="text-sm text-ink-faint" role="status">
          {words.operationCount(found.length)}
          {found.length > shownMax ? ` · ${words.firstShown(shownMax)}` : ""}
        </p>
      </div>
      {found.length === 0 ? (
        <p className="card px-4 py-8 text-center text-sm text-ink-soft">{words.noOperations}</p>
      ) : (
        <div className="card relative overflow-x-auto">
          <table className="table">
            <thead>
              <tr>
                <th scope="col" className="w-1/2">
                  {words.columns.operation}
                </th>
                <th scope="col">{words.columns.summary}</th>
                <th scope="col">{words.columns.protection}</th>
                <th scope="col">{words.columns.policy}</th>
              </tr>
            </thead>
            <tbody>
              {found.slice(0, shownMax).map((one) => (
                <tr key={one.id} className="row-link">
                  <td>
                    <span className="flex items-baseline gap-2.5">
                      <Method method={one.method} />
                      <code className={`[overflow-wrap:anywhere] ${one.isDeprecated ? "line-through" : ""}`}>
                        {one.path}
                      </code>
                    </span>
                  </td>
                  <td className="text-ink-soft">
                    {one.summary ?? one.id}
                    {one.isDeprecated ? <span className="chip ml-2">{strings.common.deprecated}</span> : null}
                    {one.isHidden ? <span className="chip ml-2">{strings.common.hidden}</span> : null}
                  </td>
                  <td className="whitespace-nowrap text-ink-soft">
                    {one.protect.length === 0
                      ? strings.protection.none
                      : one.protect.map((kind) => strings.protection[kind] ?? kind).join(", ")}
                  </td>
                  <td className="whitespace-nowrap">
                    <Link
                      to="/apis/$api/policies"
                      params={{ api }}
                      search={{ operation: one.id }}
                      className="text-accent underline underline-offset-3"
                    >
                      {one.hasPolicy ? words.ownPolicy : strings.policies.effective}
                      <span className="sr-only"> {one.summary ?? one.id}</span>
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
};
