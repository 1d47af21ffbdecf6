import type { ReactElement, ReactNode } from "react";
import { CodeBlock } from "./code-block.tsx";
import { strings } from "./strings.ts";

/** First contact: one sentence, one button, and the line of the command line that would fill it. */
export const EmptyState = ({
  title,
  text,
  command,
  commandText,
  children,
}: {
  readonly title: string;
  readonly text: string;
  readonly command?: string;
  readonly commandText?: string;
  readonly children?: ReactNode;
}): ReactElement => (
  <div className="mx-auto max-w-lg py-14 text-center">
    <Arches />
    <h2 className="mt-6 text-lg font-semibold">{title}</h2>
    <p className="mt-1.5 text-ink-soft">{text}</p>
    {children === undefined ? null : <div className="mt-6 flex justify-center gap-3">{children}</div>}
    {commandText === undefined ? null : <p className="mt-8 text-sm text-ink-faint">{commandText}</p>}
    {command === undefined ? null : (
      <div className="mt-3 text-left">
        <CodeBlock title={strings.common.cli} text={command} language="shell" />
      </div>
    )}
  </div>
);

const Arches = (): ReactElement => (
  <svg width="112" height="48" viewBox="0 0 112 48" fill="none" aria-hidden="true" className="mx-auto text-line-strong">
    {[0, 38, 76].map((x) => (
      <path
        key={x}
        d={`M${x + 3} 45V20a15 15 0 0 1 30 0v25`}
        stroke={x === 38 ? "var(--accent)" : "currentColor"}
        strokeWidth="3"
        strokeLinecap="round"
      />
    ))}
    <path d="M0 46.5h112" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
  </svg>
);
