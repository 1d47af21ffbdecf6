import type { ReactNode } from "react";

/** Languages of our code blocks. */
export type CodeLanguage = "json" | "shell" | "typescript" | "http" | "yaml" | "text";

const rules: Readonly<Record<CodeLanguage, RegExp | undefined>> = {
  json: /(?<name>"(?:[^"\\]|\\.)*"(?=\s*:))|(?<string>"(?:[^"\\]|\\.)*")|(?<word>\b(?:true|false|null)\b)|(?<number>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)/g,
  shell:
    /(?<string>'(?:[^'])*'|"(?:[^"\\]|\\.)*")|(?<name>(?<=\s)--?[A-Za-z][\w-]*)|(?<word>^\s*(?:curl|npm|npx|node|\.\/portico|portico)\b)|(?<comment>(?<=^|\s)#.*$)/gm,
  typescript:
    /(?<comment>\/\/.*$)|(?<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)|(?<word>\b(?:await|const|let|new|import|from|return|async|function|if|throw|true|false|null|undefined)\b)|(?<name>\b[A-Za-z_$][\w$]*(?=\())|(?<number>\b\d+(?:\.\d+)?\b)/gm,
  http: /(?<name>^[A-Za-z-]+(?=:))|(?<number>\b\d{3}\b)/gm,
  yaml: /(?<comment>(?<=^|\s)#.*$)|(?<name>(?<=^\s*(?:- )?|[{,]\s*)[\w.$/{}-]+(?=:(?:\s|$)))|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?<word>\b(?:true|false|null)\b)|(?<number>(?<=[\s[,:])-?\d+(?:\.\d+)?(?=[\s,\]}]|$))/gm,
  text: undefined,
};

/** Beyond this a text is shown plain: colours are not worth a slow page. */
const lengthMax = 30_000;

/** A text with its words in colour: a reading aid, not a parser. */
export const highlight = (text: string, language: CodeLanguage): ReactNode => {
  const rule = rules[language];
  if (rule === undefined || text.length > lengthMax) return text;
  const parts: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(rule)) {
    const kind = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)?.[0];
    if (kind === undefined) continue;
    parts.push(text.slice(at, match.index));
    parts.push(
      <span key={match.index} className={`c-${kind}`}>
        {match[0]}
      </span>,
    );
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  return parts;
};
