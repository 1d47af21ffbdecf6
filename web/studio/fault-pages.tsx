import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { Page } from "./page.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { strings } from "./strings.ts";

/** An address that leads nowhere. */
export const MissingPage = (): ReactElement => (
  <main id="main">
    <Page title={strings.missing.title}>
      <p className="text-ink-soft">{strings.missing.text}</p>
      <Link to="/apis" className="button mt-5">
        {strings.missing.back}
      </Link>
    </Page>
  </main>
);

/** A page that failed: the others still work. */
export const PageFault = ({ error, reset }: { readonly error: unknown; readonly reset: () => void }): ReactElement => (
  <Page title={strings.problem.render}>
    <ProblemCard error={error} onAgain={reset} />
  </Page>
);
