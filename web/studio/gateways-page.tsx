import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { EmptyState } from "./empty-state.tsx";
import { LoadingRows } from "./loading.tsx";
import { Page } from "./page.tsx";
import { studioUrl } from "./platform.ts";
import { ProblemCard } from "./problem-card.tsx";
import { gatewaysQuery } from "./queries.ts";
import type { GatewayView, UnitError } from "./shapes.ts";
import { strings } from "./strings.ts";
import { agoText } from "./time-text.ts";

const words = strings.gateways;

/** Every gateway: what it runs against what it should run, and what did not compile there. */
export const GatewaysPage = (): ReactElement => {
  const gateways = useQuery(gatewaysQuery);
  const list = gateways.data;
  return (
    <Page title={words.title} twin={{ path: "/gateways", cli: "./portico doctor" }}>
      {gateways.error !== null ? (
        <ProblemCard error={gateways.error} onAgain={() => void gateways.refetch()} />
      ) : list === undefined ? (
        <LoadingRows rows={2} />
      ) : list.items.length === 0 ? (
        <EmptyState title={words.empty} text={words.emptyText} command={words.emptyCommand.replace("URL", studioUrl)} />
      ) : (
        <div className="flex flex-col gap-4">
          <p className="text-sm text-ink-soft" role="status">
            {words.desired} <strong className="font-mono text-ink">{strings.state.at(list.desiredRevision)}</strong>
          </p>
          {list.undeliverable.length === 0 ? null : (
            <UnitErrors title={words.undeliverable} text={words.undeliverableText} errors={list.undeliverable} />
          )}
          {list.items.map((gateway) => (
            <GatewayCard key={gateway.instance} gateway={gateway} desired={list.desiredRevision} />
          ))}
        </div>
      )}
    </Page>
  );
};

const GatewayCard = ({
  gateway,
  desired,
}: {
  readonly gateway: GatewayView;
  readonly desired: number;
}): ReactElement => {
  const isBehind = gateway.revision < desired;
  return (
    <section className="card px-5 py-4" aria-label={gateway.instance}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <h2 className="font-mono text-sm font-semibold [overflow-wrap:anywhere]">{gateway.instance}</h2>
        <span className={gateway.isConnected ? "chip chip-good" : "chip"}>
          <span aria-hidden="true">{gateway.isConnected ? "●" : "○"}</span>
          {gateway.isConnected ? words.connected : words.away}
        </span>
        <span className="ml-auto flex items-center gap-2 text-sm">
          <strong className="font-mono">{strings.state.at(gateway.revision)}</strong>
          {gateway.isConnected ? (
            <span
              className={isBehind ? "chip chip-accent" : "chip chip-good"}
              data-state={isBehind ? "applying" : "applied"}
            >
              <span aria-hidden="true" className={isBehind ? "pulse" : undefined}>
                {isBehind ? "…" : "✓"}
              </span>
              {isBehind ? strings.state.applying : strings.state.applied}
            </span>
          ) : null}
        </span>
      </div>
      <dl className="mt-3 flex flex-wrap gap-x-8 gap-y-1 text-[0.8125rem] text-ink-soft">
        <Fact name={words.columns.labels} text={gateway.labels.join(", ") || words.noLabels} />
        <Fact name={words.columns.threads} text={String(gateway.threads)} />
        <Fact
          name={words.columns.seen}
          text={
            gateway.reportedAt === undefined ? strings.common.none : agoText(Date.parse(gateway.reportedAt), Date.now())
          }
        />
        <Fact name={strings.portico} text={gateway.version} />
      </dl>
      {gateway.unitErrors.length === 0 ? null : (
        <UnitErrors title={words.errors} text={words.errorsText} errors={gateway.unitErrors} />
      )}
    </section>
  );
};

const Fact = ({ name, text }: { readonly name: string; readonly text: string }): ReactElement => (
  <div className="flex gap-1.5">
    <dt className="text-ink-faint">{name}</dt>
    <dd>{text}</dd>
  </div>
);

const UnitErrors = ({
  title,
  text,
  errors,
}: {
  readonly title: string;
  readonly text: string;
  readonly errors: readonly UnitError[];
}): ReactElement => (
  <div className="mt-4 rounded-lg bg-bad-tint px-4 py-3 text-sm">
    <h3 className="font-semibold text-bad">{title}</h3>
    <p className="mb-2 text-ink-soft">{text}</p>
    <ul className="space-y-2">
      {errors.map((error) => (
        <li key={error.api}>
          <Link to="/apis/$api" params={{ api: error.api }} className="font-medium underline underline-offset-3">
            {error.api}
          </Link>{" "}
          <span className="[overflow-wrap:anywhere]">{error.message}</span>
          {error.findings.map((finding) => (
            <span key={JSON.stringify(finding)} className="block text-xs [overflow-wrap:anywhere] text-ink-soft">
              {[finding.file, finding.path].filter(Boolean).join(" ")} {finding.message}
            </span>
          ))}
        </li>
      ))}
    </ul>
  </div>
);
