import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactElement, useEffect, useRef, useState } from "react";
import { callLine, easiestOf, protectionsOf } from "./call-line.ts";
import { CodeBlock } from "./code-block.tsx";
import { GatewayStates } from "./gateway-states.tsx";
import { KeyMaker } from "./key-maker.tsx";
import { portalUrl } from "./platform.ts";
import { apiQuery, gatewaysQuery, operationsQuery } from "./queries.ts";
import type { ImportPlan } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.import;

/** How often gateways are asked while somebody waits for them. */
const watchMs = 500;

/** After publishing: each gateway's chip turning, the first call, where to go next. */
export const Published = ({
  plan,
  revision,
  onAgain,
}: {
  readonly plan: ImportPlan;
  readonly revision: number;
  readonly onAgain: () => void;
}): ReactElement => {
  const api = useQuery(apiQuery(plan.api));
  const operations = useQuery(operationsQuery(plan.api));
  const gateways = useQuery({ ...gatewaysQuery, refetchInterval: watchMs });
  const [key, setKey] = useState<string>();
  const first = easiestOf(operations.data ?? []);
  const heading = useRef<HTMLHeadingElement>(null);
  // The form that had the focus is gone: it goes where the answer is.
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <section aria-labelledby="first-call" className="min-w-0">
        <h2 id="first-call" ref={heading} tabIndex={-1} className="mb-3 text-base font-semibold outline-none">
          {words.first}
        </h2>
        {api.data === undefined ? null : (
          <CodeBlock title={strings.common.curl} text={callLine(api.data, first, key)} language="shell" />
        )}
        {api.data !== undefined && (first?.protect ?? protectionsOf(api.data)).includes("key") ? (
          <div className="mt-3">
            <KeyMaker api={api.data} onKey={setKey} />
          </div>
        ) : null}
        <div className="mt-6 flex flex-wrap gap-3">
          <Link to="/apis/$api" params={{ api: plan.api }} className="button button-primary">
            {words.open}
          </Link>
          {portalUrl === undefined ? null : (
            <a
              className="button"
              href={`${portalUrl}/apis/${encodeURIComponent(plan.api)}`}
              target="_blank"
              rel="noreferrer"
            >
              {words.openPortal}
            </a>
          )}
          <button type="button" className="button" onClick={onAgain}>
            {words.again}
          </button>
        </div>
      </section>
      <section className="card px-5 py-4" aria-labelledby="published-state">
        <div className="mb-3 flex items-center gap-2">
          <h2 id="published-state" className="text-sm font-semibold">
            {strings.api.state}
          </h2>
          <span className="ml-auto text-xs text-ink-faint">{words.revision(revision)}</span>
        </div>
        <GatewayStates
          api={{ name: plan.api, ...(api.data?.gateways === undefined ? {} : { gateways: api.data.gateways }) }}
          revision={revision}
          gateways={gateways.data?.items ?? []}
        />
      </section>
    </div>
  );
};
