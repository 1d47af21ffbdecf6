import type { ReactElement } from "react";
import { strings } from "./strings.ts";

/** A filter that works by an ordinary GET; `/` puts the cursor into it. */
export const FilterForm = ({
  action,
  value,
  label,
  hint,
}: {
  readonly action: string;
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}): ReactElement => (
  <form action={action} method="get" className="flex w-full max-w-sm items-center gap-2 sm:ml-auto">
    <div className="relative flex-1">
      <input
        type="search"
        name="q"
        className="field pr-8"
        defaultValue={value}
        aria-label={label}
        placeholder={hint ?? label}
        maxLength={200}
        data-filter
      />
      <kbd className="key-cap needs-script pointer-events-none absolute top-1/2 right-2 -translate-y-1/2">/</kbd>
    </div>
    <button type="submit" className="button">
      {strings.apis.apply}
    </button>
  </form>
);
