import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { CopyButton } from "./copy-button.tsx";
import { EmptyState } from "./empty-state.tsx";
import { FilterField } from "./filter-field.tsx";
import { LoadingRows } from "./loading.tsx";
import { Page } from "./page.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { revisionsQuery } from "./queries.ts";
import type { RevisionView } from "./shapes.ts";
import { strings } from "./strings.ts";
import { agoText } from "./time-text.ts";

const words = strings.revisions;

/** What changed, when, and by whom; every row can be gone back to. */
export const RevisionsPage = (): ReactElement => {
  const revisions = useQuery(revisionsQuery);
  return (
    <Page title={words.title} twin={{ path: "/revisions", cli: "./portico revisions" }}>
      {revisions.error !== null ? (
        <ProblemCard error={revisions.error} onAgain={() => void revisions.refetch()} />
      ) : revisions.data === undefined ? (
        <LoadingRows />
      ) : revisions.data.items.length === 0 ? (
        <EmptyState title={words.empty} text={words.emptyText} command={strings.apis.emptyCommand} />
      ) : (
        <RevisionTable revisions={revisions.data.items} />
      )}
    </Page>
  );
};

const RevisionTable = ({ revisions }: { readonly revisions: readonly RevisionView[] }): ReactElement => {
  const { q = "" } = useSearch({ from: "/shell/revisions" });
  const navigate = useNavigate();
  const wanted = q.toLowerCase();
  const found = revisions.filter((one) =>
    /^r?\d+$/.test(wanted)
      ? String(one.revision) === wanted.replace("r", "")
      : `${one.message ?? ""} ${one.actor}`.toLowerCase().includes(wanted),
  );
  const newest = revisions[0]?.revision;
  return (
    <>
      <div className="mb-4">
        <FilterField
          value={q}
          label={words.filter}
          onChange={(text) => {
            void navigate({ to: "/revisions", search: text === "" ? {} : { q: text }, replace: true });
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
                <th scope="col">{words.columns.number}</th>
                <th scope="col">{words.columns.what}</th>
                <th scope="col" className="max-sm:hidden">
                  {words.columns.kind}
                </th>
                <th scope="col" className="max-sm:hidden">
                  {words.columns.who}
                </th>
                <th scope="col">{words.columns.when}</th>
                <th scope="col">{words.columns.undo}</th>
              </tr>
            </thead>
            <tbody>
              {found.map((one) => (
                <tr key={one.revision} className="row-link">
                  <td className="whitespace-nowrap">
                    <strong className="font-mono">{strings.state.at(one.revision)}</strong>
                    {one.revision === newest ? <span className="chip chip-accent ml-2">{words.current}</span> : null}
                  </td>
                  <td className="min-w-36 [overflow-wrap:anywhere]">{one.message ?? strings.common.none}</td>
                  <td className="text-ink-soft max-sm:hidden">{words.kinds[one.kind] ?? one.kind}</td>
                  <td className="whitespace-nowrap text-ink-soft max-sm:hidden">{one.actor}</td>
                  <td className="whitespace-nowrap text-ink-soft">
                    <time dateTime={one.at} title={new Date(one.at).toLocaleString()}>
                      {agoText(Date.parse(one.at), Date.now())}
                    </time>
                  </td>
                  <td className="whitespace-nowrap">
                    {one.revision === newest || one.kind === "access" ? null : (
                      <span title={words.rollbackTitle}>
                        <CopyButton
                          text={words.rollback(one.revision)}
                          label={words.rollback(one.revision)}
                          className="button button-quiet !min-h-7 !px-2 font-mono !text-xs"
                        />
                      </span>
                    )}
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
