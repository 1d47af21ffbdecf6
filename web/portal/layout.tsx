import type { ReactElement, ReactNode } from "react";
import type { PortalFrame } from "../../src/portals/portal-page.ts";
import { Mark } from "../ui/brand.tsx";
import { strings } from "./strings.ts";

/** The frame of every page: head, bar, main, foot. */
export const Layout = ({
  frame,
  title,
  description,
  children,
}: {
  readonly frame: PortalFrame;
  /** Most specific first; the product's name is put behind. */
  readonly title: readonly string[];
  readonly description?: string;
  readonly children: ReactNode;
}): ReactElement => (
  <html lang="en" data-theme={frame.theme}>
    <head>
      <meta charSet="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content={frame.theme ?? "light dark"} />
      <title>{[...title, strings.product].join(" | ")}</title>
      {description === undefined ? null : <meta name="description" content={description} />}
      <link rel="icon" href={icon} />
      <link rel="stylesheet" href={frame.assets.style} />
      <script type="module" src={frame.assets.script} />
    </head>
    <body className="flex min-h-dvh flex-col">
      <a className="skip-link" href="#main">
        {strings.skip}
      </a>
      <header className="sticky top-0 z-40 border-b border-line bg-paper/92 backdrop-blur-md">
        <div className="mx-auto flex h-14 max-w-[1440px] items-center gap-6 px-4 sm:px-6">
          <a href="/" className="flex items-center gap-2.5 font-semibold tracking-tight">
            <Mark />
            <span>{strings.product}</span>
          </a>
          <nav aria-label={strings.nav.main} className="flex items-center gap-1">
            <a href="/apis" className="nav-link" aria-current={frame.path === "/apis" ? "page" : undefined}>
              {strings.nav.apis}
            </a>
          </nav>
          <button
            type="button"
            className="button button-quiet needs-script ml-auto !min-h-9 !w-9 !p-0"
            data-theme-toggle
            aria-label={strings.theme.toggle}
            title={strings.theme.toggle}
          >
            <svg width="18" height="18" viewBox="0 0 24 24" fill="none" aria-hidden="true">
              <circle cx="12" cy="12" r="8.25" stroke="currentColor" strokeWidth="1.5" />
              <path d="M12 3.75a8.25 8.25 0 0 1 0 16.5z" fill="currentColor" />
            </svg>
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1} className="flex-1 outline-none">
        {children}
      </main>
      <footer className="mt-16 border-t border-line text-[0.8125rem] text-ink-faint">
        <div className="mx-auto flex max-w-[1440px] flex-wrap items-center gap-x-6 gap-y-1 px-4 py-6 sm:px-6">
          <span>{strings.footer.made}</span>
          <a href="/llms.txt" className="underline decoration-line-strong underline-offset-3 hover:text-ink">
            {strings.footer.llms}
          </a>
        </div>
      </footer>
    </body>
  </html>
);

// The mark as a picture of its own: no further request, and nothing that a Content-Security-Policy would have to allow.
const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M3 21V11a9 9 0 0 1 18 0v10h-4V11a5 5 0 0 0-10 0v10z" fill="#5b74ee"/></svg>',
)}`;
