import type { ReactElement } from "react";
import { strings } from "./strings.ts";

/** The way from the top to the page, without the page itself. */
export const Breadcrumbs = ({
  items,
}: {
  readonly items: readonly { readonly title: string; readonly href: string }[];
}): ReactElement => (
  <nav aria-label={strings.nav.breadcrumbs}>
    <ol className="flex flex-wrap items-center gap-x-1.5 text-[0.8125rem] text-ink-faint">
      {items.map((item, index) => (
        <li key={item.href} className="flex items-center gap-1.5">
          {index === 0 ? null : <span aria-hidden="true">/</span>}
          <a href={item.href} className="rounded hover:text-ink hover:underline">
            {item.title}
          </a>
        </li>
      ))}
    </ol>
  </nav>
);
