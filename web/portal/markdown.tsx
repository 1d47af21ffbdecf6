import MarkdownIt from "markdown-it";
import type { ReactElement } from "react";

// Raw HTML stays text, and links to `javascript:` and the like are not made: what a document says is shown, never run.
const markdown = new MarkdownIt({ html: false, linkify: true, typographer: false });

// Headings of a description stand below those of the page.
markdown.core.ruler.push("lower-headings", (state) => {
  for (const token of state.tokens) {
    if (token.type !== "heading_open" && token.type !== "heading_close") continue;
    token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 2)}`;
  }
});

// An image would be fetched from somewhere else: its text stands in for it.
markdown.renderer.rules.image = (tokens, index) => markdown.utils.escapeHtml(tokens[index]?.content ?? "");

const renderLink = markdown.renderer.rules.link_open;
markdown.renderer.rules.link_open = (tokens, index, options, environment, renderer) => {
  tokens[index]?.attrSet("rel", "nofollow noreferrer");
  return renderLink
    ? renderLink(tokens, index, options, environment, renderer)
    : renderer.renderToken(tokens, index, options);
};

/** Longer texts of a document are shown plain: parsing them for every page would cost more than it gives. */
const lengthMax = 60_000;

/** CommonMark from a document, as safe HTML. */
export const Markdown = ({
  text,
  className = "",
}: {
  readonly text: string;
  readonly className?: string;
}): ReactElement =>
  text.length > lengthMax ? (
    <p className={className}>{text}</p>
  ) : (
    // biome-ignore lint/security/noDangerouslySetInnerHtml: made by markdown-it with raw HTML off
    <div className={`prose ${className}`} dangerouslySetInnerHTML={{ __html: markdown.render(text) }} />
  );

/** The first sentence or so of a text, without markup, for cards and lists. */
export const plainText = (text: string, lengthMost: number): string => {
  const plain = text
    .replace(/```[\s\S]*?```/g, " ")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]*>/g, " ")
    .replace(/[*_`#>|]+/g, "")
    .replace(/\s+/g, " ")
    .trim();
  return plain.length <= lengthMost ? plain : `${plain.slice(0, lengthMost - 1).trimEnd()}…`;
};
