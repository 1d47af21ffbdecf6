import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { CodeBlock } from "./code-block.tsx";
import { management, taken } from "./management.ts";
import { ProblemCard } from "./problem-card.tsx";
import { type HoldingProduct, useProductsOf } from "./products-of.ts";
import { forgetConfiguration } from "./queries.ts";
import type { AccessKey, ApiView } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.keys;

/** Whom keys of the studio belong to, until people and their organizations have pages of their own. */
const application = "studio";

type Step =
  | { readonly kind: "resting" }
  | { readonly kind: "asking" }
  | { readonly kind: "refused"; readonly error: unknown }
  | { readonly kind: "made"; readonly made: AccessKey };

/** From an API to a key that calls it, in one click; what is missing on the way the platform makes. */
export const KeyMaker = ({
  api,
  onKey,
}: {
  readonly api: ApiView;
  readonly onKey: (key: string) => void;
}): ReactElement => {
  const client = useQueryClient();
  const products = useProductsOf(api);
  const [productName, setProduct] = useState<string>();
  const [planName, setPlan] = useState<string>();
  const [step, setStep] = useState<Step>({ kind: "resting" });
  const product = products.find((one) => one.name === productName) ?? products[0];
  const plan = product?.plans.find((one) => one === planName) ?? product?.plans[0];

  const create = async (): Promise<void> => {
    setStep({ kind: "asking" });
    const bought = product === undefined || plan === undefined ? {} : { product: product.name, plan };
    try {
      const query = { wait: "applied", timeout: "10s" } as const;
      const body = { api: api.name, application, ...bought };
      const made = await taken(management.POST("/api/v1/keys", { params: { query }, body }));
      setStep({ kind: "made", made });
      onKey(made.key);
      await forgetConfiguration(client);
    } catch (error) {
      setStep({ kind: "refused", error });
    }
  };

  if (step.kind === "made") return <Made made={step.made} />;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-end gap-3">
        {products.length > 1 ? (
          <Choice label={words.product} value={product?.name} names={products.map(nameOf)} onChange={setProduct} />
        ) : null}
        {product !== undefined && product.plans.length > 1 ? (
          <Choice label={words.plan} value={plan} names={product.plans} onChange={setPlan} />
        ) : null}
        <button type="button" className="button" disabled={step.kind === "asking"} onClick={() => void create()}>
          {step.kind === "asking" ? words.creating : words.create}
        </button>
      </div>
      {step.kind === "refused" ? <ProblemCard error={step.error} /> : null}
    </div>
  );
};

const nameOf = ({ name }: HoldingProduct): string => name;

const Choice = ({
  label,
  value,
  names,
  onChange,
}: {
  readonly label: string;
  readonly value: string | undefined;
  readonly names: readonly string[];
  readonly onChange: (name: string) => void;
}): ReactElement => (
  <label className="flex flex-col gap-1 text-sm font-medium">
    {label}
    <select className="field" value={value} onChange={(event) => onChange(event.target.value)}>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  </label>
);

const Made = ({ made }: { readonly made: AccessKey }): ReactElement => {
  const { product, plan, application: name, state } = made.subscription;
  return (
    <div role="status" className="flex flex-col gap-2">
      <CodeBlock title={words.title} text={made.key} language="text" />
      <p className="text-sm text-ink-soft">
        <strong className="font-semibold text-ink">{words.once}</strong> {words.under(product, plan, name)}
        {state === "active" ? "" : ` ${words.pending(state)}`}
      </p>
    </div>
  );
};
