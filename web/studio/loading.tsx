import type { ReactElement } from "react";
import { strings } from "./strings.ts";

/** Rows in waiting: the shape of what comes, without a jump when it does. */
export const LoadingRows = ({ rows = 4 }: { readonly rows?: number }): ReactElement => (
  <div className="card divide-y divide-line" role="status" aria-label={strings.common.loading}>
    {Array.from({ length: rows }, (_, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: all alike
      <div key={index} className="flex items-center gap-4 px-4 py-4">
        <span className="pulse h-3 w-40 rounded bg-line" />
        <span className="pulse h-3 flex-1 rounded bg-line/70" />
      </div>
    ))}
  </div>
);
