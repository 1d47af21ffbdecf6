import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { basePathOf, protectionsOf } from "./call-line.ts";
import { EmptyState } from "./empty-state.tsx";
import { FilterField } from "./filter-field.tsx";
import { StateSummary } from "./gateway-states.tsx";
import { LoadingRows } from "./loading.tsx";
import { Page } from "./page.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { apisQuery, gatewaysQuery } from "./queries.ts";
import type { ApiView } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.apis;

/** All APIs, with how far the gateways are. */
export const ApisPage = (): ReactElement => {
  const apis = useQuery(apisQuery);
  const importLink = (
    <Link to="/import" className="button button-primary">
      {words.import}
    </Link>
  );
  const isEmpty = apis.data?.length === 0;
  return (
    <Page
      title={words.title}
      twin={{ path: "/apis", cli: "./portico pull ." }}
      actions={isEmpty ? undefined : importLink}
    >
      {apis.error !== null ? (
        <ProblemCard error={apis.error} onAgain={() => void apis.refetch()} />
      ) : apis.data === undefined ? (
        <LoadingRows />
      ) : isEmpty ? (
        <EmptyState
          title={words.empty}
          text={words.emptyText}
          command={words.emptyCommand}
          commandText={words.emptyCli}
        >
          {importLink}
        </EmptyState>
      ) : (
        <ApiTable apis={apis.data} />
      )}
    </Page>
  );
};

const ApiTable = ({ apis }: { readonly apis: readonly ApiView[] }): ReactElement => {
  const { q = "" } = useSearch({ from: "/shell/apis" });
  const navigate = useNavigate();
  const gateways = useQuery(gatewaysQuery);
  const wanted = q.toLowerCase();
  const found = apis.filter((api) =>
    `${api.name} ${api.title ?? ""} ${api.path} ${(api.tags ?? []).join(" ")}`.toLowerCase().includes(wanted),
  );
  const filter = (text: string): void => {
    void navigate({ to: "/apis", search: text === "" ? {} : { q: text }, replace: true });
  };
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-4">
        <FilterField value={q} label={words.filter} onChange={filter} />
        <p className="text-sm text-ink-faint" role="status">
          {words.count(found.length)}
        </p>
      </div>
      {found.length === 0 ? (
        <p className="card px-4 py-8 text-center text-sm text-ink-soft">
          {words.noMatch(q)}{" "}
          <button type="button" className="text-accent underline underline-offset-3" onClick={() => filter("")}>
            {strings.common.clear}
          </button>
        </p>
      ) : (
        <div className="card relative overflow-x-auto">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{words.columns.name}</th>
                <th scope="col">{words.columns.path}</th>
                <th scope="col">{words.columns.protection}</th>
                <th scope="col">{words.columns.visibility}</th>
                <th scope="col">{words.columns.state}</th>
              </tr>
            </thead>
            <tbody>
              {found.map((api) => (
                <tr key={api.name} className="row-link">
                  <td>
                    <Link to="/apis/$api" params={{ api: api.name }} className="font-medium hover:underline">
                      {api.title ?? api.name}
                    </Link>
                    <span className="block font-mono text-xs text-ink-faint">{api.name}</span>
                  </td>
                  <td>
                    <code>{basePathOf(api) || "/"}</code>
                  </td>
                  <td>
                    <Protection api={api} />
                  </td>
                  <td className="text-ink-soft">{visibilityText(api)}</td>
                  <td>
                    <StateSummary api={api} gateways={gateways.data?.items ?? []} />
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

const Protection = ({ api }: { readonly api: ApiView }): ReactElement => {
  const protections = protectionsOf(api);
  const shown = protections.length === 0 ? ["none"] : protections;
  return (
    <span className="flex gap-1.5">
      {shown.map((one) => (
        <span key={one} className={one === "none" ? "chip chip-warn" : "chip"}>
          {strings.protection[one] ?? one}
        </span>
      ))}
    </span>
  );
};

/** Who may see an API, in a word. */
export const visibilityText = (api: ApiView): string => {
  if (api.visibility === undefined || api.visibility === "public") return strings.visibility.public;
  return api.visibility === "signed-in" ? strings.visibility["signed-in"] : strings.visibility.restricted;
};
