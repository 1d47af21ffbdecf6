import type { ReactElement } from "react";
import { type ImportForm, protectOf } from "./import-document.ts";
import type { ImportPlan } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.import;

/** Name, path, protection, backend, and the button: what is empty is decided by the platform and shown as it will be. */
export const ImportSettings = ({
  form,
  plan,
  isPublishing,
  onChange,
}: {
  readonly form: ImportForm;
  readonly plan: ImportPlan | undefined;
  readonly isPublishing: boolean;
  readonly onChange: (fields: Partial<ImportForm>) => void;
}): ReactElement => (
  <section className="card flex flex-col gap-4 p-5 lg:sticky lg:top-6" aria-labelledby="settings">
    <h2 id="settings" className="text-sm font-semibold">
      {words.settings}
    </h2>
    <TextField
      label={words.name}
      hint={words.nameHint}
      value={form.name}
      placeholder={plan?.api ?? ""}
      onChange={(name) => onChange({ name })}
    />
    <TextField
      label={words.path}
      hint={words.pathHint}
      value={form.path}
      placeholder={plan?.path ?? ""}
      onChange={(path) => onChange({ path })}
    />
    <label className="flex flex-col gap-1 text-sm font-medium">
      {words.protect}
      <select
        className="field"
        value={form.protect}
        onChange={(event) => onChange({ protect: protectOf(event.target.value) })}
      >
        {plan === undefined || plan.isNew ? null : <option value="">{strings.common.none}</option>}
        <option value={plan === undefined || plan.isNew ? "" : "key"}>{words.protectChoices.key}</option>
        <option value="jwt">{words.protectChoices.jwt}</option>
        <option value="none">{words.protectChoices.none}</option>
      </select>
    </label>
    <TextField
      label={words.backend}
      hint={words.backendHint}
      value={form.backend}
      placeholder={words.backendPlaceholder}
      onChange={(backend) => onChange({ backend })}
    />
    <button type="submit" className="button button-primary !min-h-10" disabled={plan === undefined || isPublishing}>
      {isPublishing ? words.publishing : words.publish}
    </button>
  </section>
);

const TextField = ({
  label,
  hint,
  value,
  placeholder,
  onChange,
}: {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly placeholder: string;
  readonly onChange: (value: string) => void;
}): ReactElement => (
  <label className="flex flex-col gap-1 text-sm font-medium">
    {label}
    <input
      className="field font-mono !text-[0.8125rem]"
      value={value}
      placeholder={placeholder}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => onChange(event.target.value)}
    />
    <span className="text-xs font-normal text-ink-faint">{hint}</span>
  </label>
);
