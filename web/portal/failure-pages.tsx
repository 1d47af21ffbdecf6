import type { ReactElement } from "react";
import type { PortalFrame } from "../../src/portals/portal-page.ts";
import { Layout } from "./layout.tsx";
import { strings } from "./strings.ts";

/** A page that is not there, or not for this visitor: the two look the same. */
export const MissingPage = ({ frame }: { readonly frame: PortalFrame }): ReactElement => (
  <Layout frame={frame} title={[strings.missing.title]}>
    <div className="mx-auto max-w-xl px-4 py-24 text-center">
      <p className="font-mono text-sm text-ink-faint">404</p>
      <h1 className="mt-2 text-2xl font-semibold">{strings.missing.title}</h1>
      <p className="mt-3 text-ink-soft">{strings.missing.text}</p>
      <a href="/apis" className="button mt-6">
        {strings.missing.home}
      </a>
    </div>
  </Layout>
);

/** A fault of ours, with what is needed to find it. */
export const FailurePage = ({ frame }: { readonly frame: PortalFrame }): ReactElement => (
  <Layout frame={frame} title={[strings.failure.title]}>
    <div className="mx-auto max-w-xl px-4 py-24 text-center">
      <h1 className="text-2xl font-semibold">{strings.failure.title}</h1>
      <p className="mt-3 text-ink-soft">{strings.failure.text}</p>
      <a href={frame.path} className="button mt-6">
        {strings.failure.again}
      </a>
      <p className="mt-6 text-sm text-ink-faint">
        {strings.failure.request} <code className="break-all">{frame.requestId}</code>
      </p>
    </div>
  </Layout>
);
