import type { ReactElement } from "react";
import { type CodeLanguage, highlight } from "../ui/highlight.tsx";
import { CopyButton } from "./copy-button.tsx";

/** Code with a title and a button that copies it. */
export const CodeBlock = ({
  title,
  text,
  language,
}: {
  readonly title: string;
  readonly text: string;
  readonly language: CodeLanguage;
}): ReactElement => (
  <div className="code-block">
    <div className="code-head">
      <span className="font-medium text-code-ink">{title}</span>
      <CopyButton text={text} className="code-button ml-auto" />
    </div>
    {/* biome-ignore-start lint/a11y: what scrolls must be reachable without a mouse (WCAG 2.1.1), and named when it is */}
    <pre tabIndex={0} role="region" aria-label={title}>
      <code>{highlight(text, language)}</code>
    </pre>
    {/* biome-ignore-end lint/a11y: as above */}
  </div>
);
