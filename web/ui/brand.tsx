import type { ReactElement } from "react";

/** The mark: an arch between two columns. */
export const Mark = ({ size = 22 }: { readonly size?: number }): ReactElement => (
  <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true" focusable="false">
    <path d="M3 21V11a9 9 0 0 1 18 0v10h-4V11a5 5 0 0 0-10 0v10z" fill="var(--accent)" />
    <path d="M2 21.25h20" stroke="var(--accent)" strokeWidth="1.5" strokeLinecap="round" />
  </svg>
);
