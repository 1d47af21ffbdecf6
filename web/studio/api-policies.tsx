import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { ApiFrame } from "./api-frame.tsx";
import { easiestOf } from "./call-line.ts";
import { CodeBlock } from "./code-block.tsx";
import { LoadingRows } from "./loading.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { useProductsOf } from "./products-of.ts";
import { apiPolicyQuery, bundleFileQuery, effectivePolicyQuery, operationsQuery } from "./queries.ts";
import { type ApiView, type EffectiveStep, type OperationRow, policySections } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.policies;

/** What runs for an operation, in order, and which scope says so. */
export const ApiPolicies = (): ReactElement => {
  const { api: name } = useParams({ from: "/shell/apis/$api/policies" });
  const search = useSearch({ from: "/shell/apis/$api/policies" });
  const operations = useQuery(operationsQuery(name));
  const chosen = search.operation ?? easiestOf(operations.data ?? [])?.id;
  const scope = `/policies/apis/${encodeURIComponent(name)}`;
  const path = chosen === undefined ? scope : `${scope}/operations/${encodeURIComponent(chosen)}/effective`;
  const file = `apis/${name}/policy.yaml`;
  return (
    <ApiFrame name={name} tab={strings.api.tabs.policies} twin={{ path, cli: "./portico pull .", file }}>
      {(api) =>
        operations.error !== null ? (
          <ProblemCard error={operations.error} onAgain={() => void operations.refetch()} />
        ) : operations.data === undefined ? (
          <LoadingRows />
        ) : chosen === undefined ? (
          <p className="text-ink-soft">{words.noOperations}</p>
        ) : (
          <div className="flex flex-col gap-8">
            <Chosen api={api} operations={operations.data} chosen={chosen} />
            <AsWritten api={name} />
          </div>
        )
      }
    </ApiFrame>
  );
};

/** Whose call is shown: of a key of a product's plan, or of nobody. */
interface Bought {
  readonly product: string;
  readonly plan: string;
}

/** Stands in the address for "no product": a name begins with a letter or digit. */
const nobody = "-";

const Chosen = ({
  api,
  operations,
  chosen,
}: {
  readonly api: ApiView;
  readonly operations: readonly OperationRow[];
  readonly chosen: string;
}): ReactElement => {
  const search = useSearch({ from: "/shell/apis/$api/policies" });
  const plans = useProductsOf(api).flatMap(({ name: product, plans }) => plans.map((plan) => ({ product, plan })));
  // Who calls an API with keys comes with a plan: without one the picture would lack the limits.
  const bought =
    search.product === nobody
      ? undefined
      : (plans.find(
          ({ product, plan }) => product === search.product && (plan === search.plan || search.plan === undefined),
        ) ?? plans[0]);
  return (
    <>
      <Chooser api={api} operations={operations} chosen={chosen} plans={plans} bought={bought} />
      <Effective api={api.name} operation={chosen} bought={bought} />
    </>
  );
};

const Chooser = ({
  api,
  operations,
  chosen,
  plans,
  bought,
}: {
  readonly api: ApiView;
  readonly operations: readonly OperationRow[];
  readonly chosen: string;
  readonly plans: readonly Bought[];
  readonly bought: Bought | undefined;
}): ReactElement => {
  const navigate = useNavigate();
  const go = (operation: string, as: Bought | undefined): void => {
    const search = { operation, ...(as ?? (plans.length === 0 ? {} : { product: nobody })) };
    void navigate({ to: "/apis/$api/policies", params: { api: api.name }, search, replace: true });
  };
  return (
    <div className="flex flex-wrap gap-4">
      <label className="flex min-w-0 flex-1 basis-72 flex-col gap-1 text-sm font-medium">
        {words.choose}
        <select className="field" value={chosen} data-filter onChange={(event) => go(event.target.value, bought)}>
          {operations.map((one) => (
            <option key={one.id} value={one.id}>
              {`${one.method} ${one.path}${one.hasPolicy ? "  ●" : ""}`}
            </option>
          ))}
        </select>
        <span className="text-xs font-normal text-ink-faint">{words.chooseHint}</span>
      </label>
      {plans.length === 0 ? null : (
        <label className="flex basis-56 flex-col gap-1 text-sm font-medium">
          {words.product}
          <select
            className="field"
            value={bought === undefined ? "" : optionOf(bought)}
            onChange={(event) =>
              go(
                chosen,
                plans.find((one) => optionOf(one) === event.target.value),
              )
            }
          >
            {plans.map((one) => (
              <option key={optionOf(one)} value={optionOf(one)}>
                {words.plan(one.product, one.plan)}
              </option>
            ))}
            <option value="">{words.anyProduct}</option>
          </select>
        </label>
      )}
    </div>
  );
};

const optionOf = ({ product, plan }: Bought): string => `${product}/${plan}`;

const Effective = ({
  api,
  operation,
  bought,
}: {
  readonly api: string;
  readonly operation: string;
  readonly bought: Bought | undefined;
}): ReactElement => {
  const effective = useQuery(effectivePolicyQuery(api, operation, bought?.product, bought?.plan));
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
          {section === "inbound" ? <Protection protect={data.protect} api={api} /> : null}
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

/** What the gateway checks before any step runs. */
const Protection = ({ protect, api }: { readonly protect: readonly string[]; readonly api: string }): ReactElement => (
  <p className="mb-2 flex flex-wrap items-baseline gap-x-2 rounded-card border border-line bg-sunken px-4 py-2.5 text-sm">
    <span className="font-medium">
      {protect.length === 0
        ? words.open
        : words.protected(protect.map((one) => strings.policies.credentials[one] ?? one))}
    </span>
    <span className="text-xs text-ink-faint">apis/{api}/api.yaml · protect</span>
  </p>
);

const Step = ({ step, number }: { readonly step: EffectiveStep; readonly number: number }): ReactElement => (
  <li className="grid grid-cols-[1.6rem_minmax(0,1fr)] gap-x-2 px-4 py-3 sm:grid-cols-[1.6rem_minmax(0,1fr)_auto]">
    <span className="pt-px text-right font-mono text-xs text-ink-faint">{number}</span>
    <div className="min-w-0">
      <code className="font-semibold">{step.policy}</code>
      <Configuration config={step.config} />
      {step.file === "" ? null : (
        <p className="mt-1 text-xs [overflow-wrap:anywhere] text-ink-faint">
          {step.path === "" ? step.file : `${step.file} · ${step.path}`}
        </p>
      )}
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
  isPlainList(value) ? (
    <code className="[overflow-wrap:anywhere]">{value.join(", ")}</code>
  ) : value !== null && typeof value === "object" ? (
    <pre className="rounded-md bg-sunken px-2.5 py-1 text-xs leading-relaxed whitespace-pre-wrap [overflow-wrap:anywhere]">
      <code>{JSON.stringify(value, null, 2)}</code>
    </pre>
  ) : (
    <code className="[overflow-wrap:anywhere] whitespace-pre-wrap">{String(value)}</code>
  );

/** A list that reads well in one line. */
const isPlainList = (value: unknown): value is readonly (string | number | boolean)[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((one) => ["string", "number", "boolean"].includes(typeof one));

const AsWritten = ({ api }: { readonly api: string }): ReactElement | null => {
  const file = `apis/${api}/policy.yaml`;
  const text = useQuery(bundleFileQuery(file));
  const policy = useQuery(apiPolicyQuery(api));
  if (policy.data === undefined || text.isPending) return null;
  return (
    <section aria-labelledby="as-written">
      <h2 id="as-written" className="mb-2 text-sm font-semibold">
        {words.whole}
      </h2>
      {typeof text.data === "string" ? (
        <CodeBlock title={file} text={text.data} language="yaml" />
      ) : Object.keys(policy.data).length === 0 ? (
        <div className="card px-5 py-4 text-sm">
          <p className="font-medium">{words.none}</p>
          <p className="mt-1 mb-3 text-ink-soft">{words.noneText(file)}</p>
          <CodeBlock title={strings.common.cli} text={words.noneCommand} language="shell" />
        </div>
      ) : (
        <CodeBlock title={words.asJson(file)} text={JSON.stringify(policy.data, null, 2)} language="json" />
      )}
    </section>
  );
};
