import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { type ReactElement, type ReactNode, useState } from "react";
import { ApiFrame } from "./api-frame.tsx";
import { visibilityText } from "./apis-page.tsx";
import { baseUrlOf, callLine, easiestOf, protectionsOf } from "./call-line.ts";
import { CodeBlock } from "./code-block.tsx";
import { CopyButton } from "./copy-button.tsx";
import { GatewayStates } from "./gateway-states.tsx";
import { KeyMaker } from "./key-maker.tsx";
import { portalUrl } from "./platform.ts";
import { useProductsOf } from "./products-of.ts";
import { apiRevisionsQuery, gatewaysQuery, operationsQuery } from "./queries.ts";
import type { ApiView } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.api;

/** An API at a glance: where it is, how far the gateways are, and a line that calls it. */
export const ApiOverview = (): ReactElement => {
  const { api: name } = useParams({ from: "/shell/apis/$api" });
  const actions = (
    <Link to="/import" search={{ name }} className="button">
      {words.reimport}
    </Link>
  );
  return (
    <ApiFrame
      name={name}
      tab={words.tabs.overview}
      twin={{ path: `/apis/${encodeURIComponent(name)}`, cli: "./portico pull .", file: `apis/${name}/api.yaml` }}
      actions={actions}
    >
      {(api) => <Overview api={api} />}
    </ApiFrame>
  );
};

const Overview = ({ api }: { readonly api: ApiView }): ReactElement => {
  const gateways = useQuery(gatewaysQuery);
  const operations = useQuery(operationsQuery(api.name));
  const products = useProductsOf(api).map(({ name }) => name);
  const [key, setKey] = useState<string>();
  const first = easiestOf(operations.data ?? []);
  const protections = first?.protect ?? protectionsOf(api);
  return (
    <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <div className="flex min-w-0 flex-col gap-6">
        {api.description === undefined ? null : <p className="text-ink-soft">{api.description}</p>}
        <Facts api={api} operations={operations.data?.length} products={products} />
        <section aria-labelledby="call">
          <h2 id="call" className="text-base font-semibold">
            {words.call}
          </h2>
          <p className="mt-0.5 mb-3 text-sm text-ink-soft">
            {protections.includes("key")
              ? key === undefined
                ? words.callText
                : words.callKey
              : protections.includes("jwt")
                ? words.callToken
                : words.callOpen}
          </p>
          <CodeBlock title={strings.common.curl} text={callLine(api, first, key)} language="shell" />
          {protections.includes("key") ? (
            <div className="mt-3 flex flex-col gap-3">
              <KeyMaker api={api} onKey={setKey} />
              {key === undefined ? (
                <CodeBlock title={strings.common.cli} text={words.keyCommand(api.name)} language="shell" />
              ) : null}
            </div>
          ) : null}
        </section>
      </div>
      <div className="flex min-w-0 flex-col gap-6">
        <section className="card px-5 py-4" aria-labelledby="state">
          <div className="mb-3 flex flex-wrap items-center gap-2">
            <h2 id="state" className="text-sm font-semibold">
              {words.state}
            </h2>
            <span className="ml-auto text-xs text-ink-faint">{strings.state.desired(api.revision)}</span>
          </div>
          <GatewayStates api={api} revision={api.revision} gateways={gateways.data?.items ?? []} />
        </section>
        <History api={api} />
        {portalUrl === undefined ? null : (
          <a
            className="button"
            href={`${portalUrl}/apis/${encodeURIComponent(api.name)}`}
            target="_blank"
            rel="noreferrer"
          >
            {words.portal}
          </a>
        )}
      </div>
    </div>
  );
};

const Facts = ({
  api,
  operations,
  products,
}: {
  readonly api: ApiView;
  readonly operations: number | undefined;
  readonly products: readonly string[];
}): ReactElement => {
  const baseUrl = baseUrlOf(api);
  const protections = protectionsOf(api);
  return (
    <dl className="card grid gap-px overflow-hidden bg-line sm:grid-cols-2">
      <Fact name={words.baseUrl} isWide>
        <span className="flex items-center gap-2">
          <code className="min-w-0 flex-1 [overflow-wrap:anywhere]">{baseUrl}</code>
          <CopyButton text={baseUrl} className="button button-quiet !min-h-7 !px-2 !text-xs" />
        </span>
      </Fact>
      <Fact name={words.protection}>
        {protections.length === 0
          ? strings.import.protectChoices.none
          : protections.map((one) => strings.protection[one] ?? one).join(", ")}
      </Fact>
      <Fact name={words.backend}>
        <span className="[overflow-wrap:anywhere]">{api.backend ?? words.backendDefault}</span>
      </Fact>
      <Fact name={words.visibility}>{visibilityText(api)}</Fact>
      <Fact name={words.gateways}>{api.gateways?.join(", ") || words.allGateways}</Fact>
      <Fact name={words.products}>{products.join(", ") || strings.common.none}</Fact>
      <Fact name={words.document}>
        {api.document === undefined ? (
          strings.common.none
        ) : (
          <a
            className="text-accent underline underline-offset-3"
            href={`/api/v1/apis/${encodeURIComponent(api.name)}/document`}
            download
          >
            {api.document.fileName}
          </a>
        )}
        {operations === undefined ? null : (
          <span className="text-ink-faint"> · {words.operationCount(operations)}</span>
        )}
      </Fact>
    </dl>
  );
};

const Fact = ({
  name,
  isWide = false,
  children,
}: {
  readonly name: string;
  readonly isWide?: boolean;
  readonly children: ReactNode;
}): ReactElement => (
  <div className={`min-w-0 bg-raised px-5 py-3 ${isWide ? "sm:col-span-2" : ""}`}>
    <dt className="text-xs font-medium text-ink-faint">{name}</dt>
    <dd className="mt-0.5 text-sm">{children}</dd>
  </div>
);

const History = ({ api }: { readonly api: ApiView }): ReactElement => {
  const revisions = useQuery(apiRevisionsQuery(api.name));
  return (
    <section className="card px-5 py-4" aria-labelledby="history">
      <h2 id="history" className="mb-2 text-sm font-semibold">
        {words.history}
      </h2>
      {revisions.data === undefined || revisions.data.items.length === 0 ? (
        <p className="text-sm text-ink-faint">{words.noHistory}</p>
      ) : (
        <ul className="flex flex-wrap gap-1.5">
          {revisions.data.items.map((one) => (
            <li key={one.revision}>
              <Link to="/revisions" search={{ q: String(one.revision) }} className="chip hover:!bg-hover">
                {strings.state.at(one.revision)}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
};
