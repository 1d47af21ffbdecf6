import { type ReactElement, type ReactNode, useEffect } from "react";
import { strings } from "./strings.ts";
import { type Twin, TwinMenu } from "./twin-menu.tsx";

/** The head and body of a page: title, what can be done, and its twin. */
export const Page = ({
  title,
  trail = [],
  actions,
  twin,
  tabs,
  isWide = false,
  children,
}: {
  readonly title: string;
  /** What stands above it in the document's title, most specific first. */
  readonly trail?: readonly string[];
  readonly actions?: ReactNode;
  readonly twin?: Twin;
  readonly tabs?: ReactNode;
  readonly isWide?: boolean;
  readonly children: ReactNode;
}): ReactElement => {
  const documentTitle = [title, ...trail, strings.product].join(" | ");
  useEffect(() => {
    document.title = documentTitle;
  }, [documentTitle]);
  return (
    <div className={`mx-auto w-full px-4 pb-16 sm:px-8 ${isWide ? "max-w-[1400px]" : "max-w-[1080px]"}`}>
      <header className={tabs === undefined ? "pt-8 pb-5" : "border-b border-line pt-8"}>
        <div className="flex flex-wrap items-center gap-x-3 gap-y-3">
          <h1 className="mr-auto min-w-0 text-2xl font-semibold [overflow-wrap:anywhere]">{title}</h1>
          {twin === undefined ? null : <TwinMenu twin={twin} />}
          {actions}
        </div>
        {tabs}
      </header>
      {children}
    </div>
  );
};
