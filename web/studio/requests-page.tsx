import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { EmptyState } from "./empty-state.tsx";
import { FilterField } from "./filter-field.tsx";
import { LoadingRows } from "./loading.tsx";
import { Page } from "./page.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { requestsQuery } from "./queries.ts";
import type { RequestRow } from "./shapes.ts";
import { strings } from "./strings.ts";
import { agoText } from "./time-text.ts";

const words = strings.requests;

/** The newest calls; each leads to what was decided about it. */
export const RequestsPage = (): ReactElement => {
  const requests = useQuery(requestsQuery);
  return (
    <Page title={words.title} twin={{ path: "/requests", cli: "./portico logs -f" }}>
      {requests.error !== null ? (
        <ProblemCard error={requests.error} onAgain={() => void requests.refetch()} />
      ) : requests.data === undefined ? (
        <LoadingRows />
      ) : requests.data.length === 0 ? (
        <EmptyState title={words.empty} text={words.emptyText} command={words.emptyCommand} />
      ) : (
        <RequestTable requests={requests.data} />
      )}
    </Page>
  );
};

const RequestTable = ({ requests }: { readonly requests: readonly RequestRow[] }): ReactElement => {
  const { q = "" } = useSearch({ from: "/shell/requests" });
  const navigate = useNavigate();
  const wanted = q.toLowerCase();
  const found = requests.filter((one) =>
    `${one.id} ${one.method} ${one.path} ${one.status} ${one.api} ${one.operation} ${one.code}`
      .toLowerCase()
      .includes(wanted),
  );
  return (
    <>
      <div className="mb-4">
        <FilterField
          value={q}
          label={words.filter}
          onChange={(text) => {
            void navigate({ to: "/requests", search: text === "" ? {} : { q: text }, replace: true });
          }}
        />
      </div>
      {found.length === 0 ? (
        <p className="card px-4 py-8 text-center text-sm text-ink-soft">{words.noMatch}</p>
      ) : (
        <div className="card relative overflow-x-auto">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{words.columns.status}</th>
                <th scope="col">{words.columns.call}</th>
                <th scope="col">{words.columns.operation}</th>
                <th scope="col">{words.columns.time}</th>
                <th scope="col">{words.columns.when}</th>
                <th scope="col">{words.columns.explain}</th>
              </tr>
            </thead>
            <tbody>
              {found.map((one) => (
                <tr key={one.id}>
                  <td>
                    <StatusChip status={one.status} />
                  </td>
                  <td className="font-mono text-xs [overflow-wrap:anywhere]">
                    {one.method} {one.path}
                    {one.code === "" ? null : <span className="block text-ink-soft">{one.code}</span>}
                  </td>
                  <td className="text-ink-soft [overflow-wrap:anywhere]">
                    {[one.api, one.operation].filter(Boolean).join(" · ") || strings.common.none}
                  </td>
                  <td className="whitespace-nowrap text-ink-soft">{words.ms(one.durationMs)}</td>
                  <td className="whitespace-nowrap text-ink-soft">
                    <time dateTime={one.time}>{agoText(Date.parse(one.time), Date.now())}</time>
                  </td>
                  <td>
                    <Link
                      to="/requests/$id"
                      params={{ id: one.id }}
                      className="underline underline-offset-3"
                      aria-label={words.explainOf(one.id)}
                    >
                      {words.explain}
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

/** A status with its colour; the number says the same. */
export const StatusChip = ({ status }: { readonly status: number }): ReactElement => (
  <span
    className={`chip font-mono ${status === 0 || status >= 500 ? "chip-bad" : status < 400 ? "chip-good" : "chip-accent"}`}
  >
    {status}
  </span>
);
