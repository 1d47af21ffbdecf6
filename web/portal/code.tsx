import type { ReactElement, ReactNode } from "react";
import { type CodeLanguage, highlight } from "../ui/highlight.tsx";
import { strings } from "./strings.ts";

/** A text in code, in a box that scrolls by itself and can be reached by keyboard. */
export const CodeText = ({
  text,
  language,
  label,
}: {
  readonly text: string;
  readonly language: CodeLanguage;
  readonly label: string;
}): ReactElement => (
  // biome-ignore-start lint/a11y: what scrolls must be reachable without a mouse (WCAG 2.1.1), and named when it is
  <pre tabIndex={0} aria-label={label} role="region">
    <code>{highlight(text, language)}</code>
  </pre>
  // biome-ignore-end lint/a11y: as above
);

/** The button that copies the code next to it: the text of the nearest block that carries `data-copy-from`. */
export const CopyButton = ({ label = strings.samples.copy }: { readonly label?: string }): ReactElement => (
  <button type="button" className="code-button needs-script ml-auto" data-copy>
    {label}
  </button>
);

/** A titled block of code with a copy button. */
export const CodeBlock = ({
  title,
  text,
  language,
  note,
}: {
  readonly title: string;
  readonly text: string;
  readonly language: CodeLanguage;
  readonly note?: ReactNode;
}): ReactElement => (
  <div className="code-block" data-copy-from>
    <div className="code-head">
      <span className="font-medium text-code-ink">{title}</span>
      {note}
      <CopyButton />
    </div>
    <CodeText text={text} language={language} label={title} />
  </div>
);
