import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactElement, ReactNode } from "react";
import { LoadingRows } from "./loading.tsx";
import { Page } from "./page.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { apiQuery } from "./queries.ts";
import type { ApiView } from "./shapes.ts";
import { strings } from "./strings.ts";
import type { Twin } from "./twin-menu.tsx";

const tabs = [
  { to: "/apis/$api", text: strings.api.tabs.overview },
  { to: "/apis/$api/operations", text: strings.api.tabs.operations },
  { to: "/apis/$api/policies", text: strings.api.tabs.policies },
] as const;

/** What is around every page of one API: its name, its tabs, its twin. */
export const ApiFrame = ({
  name,
  tab,
  twin,
  actions,
  children,
}: {
  readonly name: string;
  readonly tab: string;
  readonly twin: Twin;
  readonly actions?: ReactNode;
  readonly children: (api: ApiView) => ReactNode;
}): ReactElement => {
  const api = useQuery(apiQuery(name));
  return (
    <Page
      title={api.data?.title ?? name}
      trail={[tab, strings.apis.title]}
      twin={twin}
      actions={actions}
      tabs={
        <nav aria-label={name} className="mt-3 flex gap-6 overflow-x-auto">
          {tabs.map(({ to, text }) => (
            <Link
              key={to}
              to={to}
              params={{ api: name }}
              className="tab-link"
              activeOptions={{ exact: true, includeSearch: false }}
              activeProps={{ "aria-current": "page" }}
            >
              {text}
            </Link>
          ))}
        </nav>
      }
    >
      <div className="pt-6">
        {api.error !== null ? (
          <ProblemCard error={api.error} onAgain={() => void api.refetch()} />
        ) : api.data === undefined ? (
          <LoadingRows />
        ) : (
          children(api.data)
        )}
      </div>
    </Page>
  );
};
