import { type DragEvent, type ReactElement, useRef, useState } from "react";
import { base64Of, documentBytesMax, type ImportSource, pastedName, sizeText } from "./import-document.ts";
import { strings } from "./strings.ts";

const words = strings.import;
const kinds = ["file", "paste", "url"] as const;
type Kind = (typeof kinds)[number];

/** Where the document comes from: a file, a pasted text, or an address. */
export const ImportSourceField = ({
  onSource,
}: {
  readonly onSource: (source: ImportSource) => void;
}): ReactElement => {
  const [kind, setKind] = useState<Kind>("file");
  return (
    <section className="card p-5" aria-labelledby="source">
      <div className="mb-4 flex flex-wrap items-center gap-4">
        <h2 id="source" className="text-sm font-semibold">
          {words.source}
        </h2>
        <fieldset className="segmented ml-auto">
          <legend className="sr-only">{words.source}</legend>
          {kinds.map((one) => (
            <label key={one}>
              <input type="radio" name="source" checked={kind === one} onChange={() => setKind(one)} />
              {words[one]}
            </label>
          ))}
        </fieldset>
      </div>
      {kind === "file" ? <FromFile onSource={onSource} /> : null}
      {kind === "paste" ? <FromPaste onSource={onSource} /> : null}
      {kind === "url" ? <FromUrl onSource={onSource} /> : null}
    </section>
  );
};

const FromFile = ({ onSource }: { readonly onSource: (source: ImportSource) => void }): ReactElement => {
  const [chosen, choose] = useState<string>();
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    if (file.size > documentBytesMax) return choose(words.tooLarge);
    choose(words.chosen(file.name, sizeText(file.size)));
    onSource({ fileName: file.name, contentBase64: base64Of(new Uint8Array(await file.arrayBuffer())) });
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is only a shortcut of the button within
    <div
      className={`flex flex-col items-center gap-3 rounded-card border-2 border-dashed px-4 py-9 text-sm ${isOver ? "border-accent bg-accent-tint" : "border-line-strong"}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        ref={input}
        type="file"
        className="sr-only"
        accept=".json,.yaml,.yml,application/json,application/yaml"
        tabIndex={-1}
        aria-label={words.choose}
        onChange={(event) => void take(event.target.files?.[0])}
      />
      <button type="button" className="button" onClick={() => input.current?.click()}>
        {words.choose}
      </button>
      <span className="text-ink-faint" role="status">
        {chosen ?? words.drop}
      </span>
    </div>
  );
};

const FromPaste = ({ onSource }: { readonly onSource: (source: ImportSource) => void }): ReactElement => {
  const [text, setText] = useState("");
  const look = (): void => {
    if (text.trim() === "") return;
    onSource({ fileName: pastedName(text), contentBase64: base64Of(new TextEncoder().encode(text)) });
  };
  return (
    <div className="flex flex-col items-start gap-3">
      <textarea
        className="field min-h-48 font-mono !text-[0.8125rem] leading-relaxed"
        aria-label={words.pasteLabel}
        placeholder={words.pastePlaceholder}
        value={text}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="button" className="button" onClick={look} disabled={text.trim() === ""}>
        {words.look}
      </button>
    </div>
  );
};

const FromUrl = ({ onSource }: { readonly onSource: (source: ImportSource) => void }): ReactElement => {
  const [url, setUrl] = useState("");
  const look = (): void => {
    if (URL.canParse(url.trim())) onSource({ url: url.trim() });
  };
  return (
    <div className="flex gap-2">
      <input
        type="url"
        className="field"
        aria-label={words.urlLabel}
        placeholder={words.urlPlaceholder}
        value={url}
        onChange={(event) => setUrl(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          look();
        }}
      />
      <button type="button" className="button" onClick={look} disabled={!URL.canParse(url.trim())}>
        {words.look}
      </button>
    </div>
  );
};
