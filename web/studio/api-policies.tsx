import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { ApiFrame } from "./api-frame.tsx";
import { easiestOf } from "./call-line.ts";
import { CodeBlock } from "./code-block.tsx";
import { LoadingRows } from "./loading.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { useProductsOf } from "./products-of.ts";
import { apiPolicyQuery, effectivePolicyQuery, operationsQuery } from "./queries.ts";
import { type ApiView, type EffectiveStep, type OperationRow, policySections } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.policies;

/** What runs for an operation, in order, and which scope says so. */
export const ApiPolicies = (): ReactElement => {
  const { api: name } = useParams({ from: "/shell/apis/$api/policies" });
  const { operation, product } = useSearch({ from: "/shell/apis/$api/policies" });
  const operations = useQuery(operationsQuery(name));
  const chosen = operation ?? easiestOf(operations.data ?? [])?.id;
  const scope = `/policies/apis/${encodeURIComponent(name)}`;
  const search = product === undefined ? "" : `?product=${encodeURIComponent(product)}`;
  const path = chosen === undefined ? scope : `${scope}/operations/${encodeURIComponent(chosen)}/effective${search}`;
  return (
    <ApiFrame name={name} tab={strings.api.tabs.policies} twin={{ path, cli: "./portico pull ." }}>
      {(api) =>
        operations.error !== null ? (
          <ProblemCard error={operations.error} onAgain={() => void operations.refetch()} />
        ) : operations.data === undefined ? (
          <LoadingRows />
        ) : chosen === undefined ? (
          <p className="text-ink-soft">{words.noOperations}</p>
        ) : (
          <div className="flex flex-col gap-8">
            <Chooser api={api} operations={operations.data} chosen={chosen} product={product} />
            <Effective api={name} operation={chosen} product={product} />
            <AsWritten api={name} />
          </div>
        )
      }
    </ApiFrame>
  );
};

const Chooser = ({
  api,
  operations,
  chosen,
  product,
}: {
  readonly api: ApiView;
  readonly operations: readonly OperationRow[];
  readonly chosen: string;
  readonly product: string | undefined;
}): ReactElement => {
  const navigate = useNavigate();
  const go = (operation: string, forProduct: string | undefined): void => {
    const search = { operation, ...(forProduct === undefined ? {} : { product: forProduct }) };
    void navigate({ to: "/apis/$api/policies", params: { api: api.name }, search, replace: true });
  };
  const products = useProductsOf(api);
  return (
    <div className="flex flex-wrap gap-4">
      <label className="flex min-w-0 flex-1 basis-72 flex-col gap-1 text-sm font-medium">
        {words.choose}
        <select className="field" value={chosen} data-filter onChange={(event) => go(event.target.value, product)}>
          {operations.map((one) => (
            <option key={one.id} value={one.id}>
              {`${one.method} ${one.path}${one.hasPolicy ? "  ●" : ""}`}
            </option>
          ))}
        </select>
        <span className="text-xs font-normal text-ink-faint">{words.chooseHint}</span>
      </label>
      {products.length === 0 ? null : (
        <label className="flex basis-56 flex-col gap-1 text-sm font-medium">
          {words.product}
          <select
            className="field"
            value={product ?? ""}
            onChange={(event) => go(chosen, event.target.value === "" ? undefined : event.target.value)}
          >
            <option value="">{words.anyProduct}</option>
            {products.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
};

const Effective = ({
  api,
  operation,
  product,
}: {
  readonly api: string;
  readonly operation: string;
  readonly product: string | undefined;
}): ReactElement => {
  const effective = useQuery(effectivePolicyQuery(api, operation, product));
  if (effective.error !== null) {
    return <ProblemCard error={effective.error} onAgain={() => void effective.refetch()} />;
  }
  if (effective.data === undefined) return <LoadingRows />;
  const { data } = effective;
  return (
    <div className="grid gap-5">
      {policySections.map((section) => (
        <section key={section} aria-labelledby={`section-${section}`}>
          <h2 id={`section-${section}`} className="mb-2 flex flex-wrap items-baseline gap-x-2 text-sm font-semibold">
            {words.sections[section]}
            <span className="font-normal text-ink-faint">{words.sectionText[section]}</span>
          </h2>
          {data[section].length === 0 ? (
            <p className="rounded-card border border-dashed border-line-strong px-4 py-2.5 text-sm text-ink-faint">
              {words.empty}
            </p>
          ) : (
            <ol className="card divide-y divide-line">
              {data[section].map((step, index) => (
                <Step key={`${step.file} ${step.path}`} step={step} number={index + 1} />
              ))}
            </ol>
          )}
        </section>
      ))}
    </div>
  );
};

const Step = ({ step, number }: { readonly step: EffectiveStep; readonly number: number }): ReactElement => (
  <li className="grid grid-cols-[1.6rem_minmax(0,1fr)] gap-x-2 px-4 py-3 sm:grid-cols-[1.6rem_minmax(0,1fr)_auto]">
    <span className="pt-px text-right font-mono text-xs text-ink-faint">{number}</span>
    <div className="min-w-0">
      <code className="font-semibold">{step.policy}</code>
      <Configuration config={step.config} />
      <p className="mt-1 text-xs [overflow-wrap:anywhere] text-ink-faint">
        {step.file} · {step.path}
      </p>
    </div>
    <span className="chip col-start-2 mt-1 self-start justify-self-start sm:col-start-3 sm:mt-0">
      {words.scopes[step.scope] ?? step.scope}
      {step.product === undefined ? "" : ` ${step.product}`}
    </span>
  </li>
);

const Configuration = ({ config }: { readonly config: unknown }): ReactElement | null => {
  if (config === null || config === undefined) return null;
  const fields: readonly (readonly [string, unknown])[] =
    typeof config === "object" && !Array.isArray(config) ? Object.entries(config) : [["", config]];
  return (
    <dl className="mt-1 space-y-0.5 text-[0.8125rem]">
      {fields.map(([name, value]) => (
        <div key={name} className="flex gap-2">
          {name === "" ? (
            <dt className="sr-only">{words.configuration}</dt>
          ) : (
            <dt className="text-ink-faint">{name}</dt>
          )}
          <dd className="min-w-0">
            <ConfigurationValue value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
};

const ConfigurationValue = ({ value }: { readonly value: unknown }): ReactElement =>
  value !== null && typeof value === "object" ? (
    <pre className="rounded-md bg-sunken px-2.5 py-1 text-xs leading-relaxed whitespace-pre-wrap [overflow-wrap:anywhere]">
      <code>{JSON.stringify(value, null, 2)}</code>
    </pre>
  ) : (
    <code className="[overflow-wrap:anywhere] whitespace-pre-wrap">{String(value)}</code>
  );

const AsWritten = ({ api }: { readonly api: string }): ReactElement | null => {
  const policy = useQuery(apiPolicyQuery(api));
  if (policy.data === undefined) return null;
  return (
    <section aria-labelledby="as-written">
      <h2 id="as-written" className="mb-2 text-sm font-semibold">
        {words.whole}
      </h2>
      {Object.keys(policy.data).length === 0 ? (
        <div className="card px-5 py-4 text-sm">
          <p className="font-medium">{words.none}</p>
          <p className="mt-1 mb-3 text-ink-soft">{words.noneText}</p>
          <CodeBlock title={strings.common.cli} text={words.noneCommand} language="shell" />
        </div>
      ) : (
        <CodeBlock
          title={words.asJson(`apis/${api}/policy.yaml`)}
          text={JSON.stringify(policy.data, null, 2)}
          language="json"
        />
      )}
    </section>
  );
};
