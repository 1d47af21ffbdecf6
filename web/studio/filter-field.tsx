import type { ReactElement } from "react";
import { strings } from "./strings.ts";

/** The filter of a page; `/` puts the cursor into it, and it stands in the address. */
export const FilterField = ({
  value,
  label,
  onChange,
}: {
  readonly value: string;
  readonly label: string;
  readonly onChange: (value: string) => void;
}): ReactElement => (
  <div className="relative w-full max-w-sm">
    <input
      type="search"
      className="field pr-9"
      value={value}
      aria-label={label}
      placeholder={label}
      maxLength={200}
      data-filter
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
    {value === "" ? (
      <kbd className="key-cap pointer-events-none absolute top-1/2 right-2.5 -translate-y-1/2">/</kbd>
    ) : (
      <button
        type="button"
        className="absolute top-1/2 right-2 -translate-y-1/2 rounded px-1.5 text-ink-faint hover:text-ink"
        aria-label={strings.common.clear}
        onClick={() => onChange("")}
      >
        ×
      </button>
    )}
  </div>
);
