import type { ReactElement, ReactNode } from "react";
import type { SchemaNode } from "../../src/portals/described-operation.ts";
import { Markdown } from "./markdown.tsx";
import { strings } from "./strings.ts";

const words = strings.operation;

/** A schema as a list of its fields; deeper ones open by themselves, without script. */
export const SchemaTree = ({ node }: { readonly node: SchemaNode }): ReactElement => {
  const isPlain = node.children.length === 0;
  return (
    <div className="text-sm">
      <p className="flex flex-wrap items-center gap-2 pb-1 text-ink-soft">
        <TypeText node={node} />
        <Flags node={node} />
      </p>
      <Facts node={node} />
      {isPlain ? null : <Children node={node} />}
      {isPlain && node.isTruncated ? <p className="text-ink-faint">{words.truncated}</p> : null}
    </div>
  );
};

const Children = ({ node }: { readonly node: SchemaNode }): ReactElement => (
  <ul className="schema">
    {node.children.map((child, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, on the server
      <li key={index}>
        <SchemaRow node={child} />
      </li>
    ))}
    {node.isTruncated ? <li className="text-ink-faint">{words.truncated}</li> : null}
  </ul>
);

const SchemaRow = ({ node }: { readonly node: SchemaNode }): ReactElement => (
  <>
    <p className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5">
      <NodeName node={node} />
      <TypeText node={node} />
      {node.isRequired ? <Required /> : null}
      <Flags node={node} />
    </p>
    <Facts node={node} />
    {node.isRecursive ? <p className="text-ink-faint">{words.recursive}</p> : null}
    {node.children.length > 0 ? (
      <details>
        <summary>{words.fields(node.children.length)}</summary>
        <Children node={node} />
      </details>
    ) : null}
    {node.children.length === 0 && node.isTruncated && !node.isRecursive ? (
      <p className="text-ink-faint">{words.truncated}</p>
    ) : null}
  </>
);

const NodeName = ({ node }: { readonly node: SchemaNode }): ReactElement => {
  if (node.role === "property") return <code className="font-semibold break-all">{node.name}</code>;
  const text = node.role === "choice" ? words.oneOf : node.role === "additional" ? words.additional : words.items;
  return <span className="text-ink-faint italic">{text}</span>;
};

const TypeText = ({ node }: { readonly node: SchemaNode }): ReactElement => (
  <span className="font-mono text-[0.8125rem] break-words text-ink-soft">
    {node.type}
    {node.refName === undefined || node.type.includes(node.refName) ? null : (
      <span className="text-ink-faint"> {node.refName}</span>
    )}
  </span>
);

/** The mark of what must be given. */
export const Required = (): ReactElement => <span className="text-xs font-medium text-warn">{words.required}</span>;

const Flags = ({ node }: { readonly node: SchemaNode }): ReactNode => {
  const flags = [
    node.isDeprecated ? words.deprecated : undefined,
    node.isReadOnly ? words.readOnly : undefined,
    node.isWriteOnly ? words.writeOnly : undefined,
  ].filter((flag) => flag !== undefined);
  return flags.map((flag) => (
    <span key={flag} className="chip">
      {flag}
    </span>
  ));
};

/** What a schema says beside its type: description, bounds, allowed values, default. */
export const Facts = ({
  node,
  withoutDescription = false,
}: {
  readonly node: SchemaNode;
  readonly withoutDescription?: boolean;
}): ReactElement => (
  <>
    {node.description === undefined || withoutDescription ? null : (
      <Markdown text={node.description} className="mt-0.5 text-ink-soft" />
    )}
    {node.constraints.length === 0 ? null : (
      <p className="mt-0.5 text-[0.8125rem] break-words text-ink-faint">{node.constraints.join(", ")}</p>
    )}
    {node.enum === undefined ? null : (
      <p className="mt-1 flex flex-wrap items-center gap-1.5 text-[0.8125rem] text-ink-faint">
        {words.enum}
        {node.enum.map((value) => (
          <code key={valueText(value)} className="rounded bg-sunken px-1.5 break-all text-ink-soft">
            {valueText(value)}
          </code>
        ))}
      </p>
    )}
    {node.default === undefined || node.default === null ? null : (
      <p className="mt-0.5 text-[0.8125rem] text-ink-faint">
        {words.default} <code className="break-all text-ink-soft">{valueText(node.default)}</code>
      </p>
    )}
  </>
);

const valueText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
