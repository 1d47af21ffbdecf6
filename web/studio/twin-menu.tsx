import { Menu } from "@base-ui/react/menu";
import { useQuery } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { copyText } from "./copy-button.tsx";
import { studioUrl } from "./platform.ts";
import { bundleFileQuery } from "./queries.ts";
import { strings } from "./strings.ts";

/** What a page shows, as it is read elsewhere. */
export interface Twin {
  /** Below `/api/v1`. */
  readonly path: string;
  /** The command that shows the same. */
  readonly cli: string;
  /** The file of the bundle that says it. */
  readonly file?: string;
}

/** "Copy as curl / CLI / YAML": every page has its twin. */
export const TwinMenu = ({ twin }: { readonly twin: Twin }): ReactElement => {
  const [said, say] = useState<string>();
  const file = useQuery({ ...bundleFileQuery(twin.file ?? ""), enabled: twin.file !== undefined });
  const copy = async (text: string): Promise<void> => {
    say((await copyText(text)) ? strings.common.copied : strings.common.copyFailed);
    setTimeout(() => say(undefined), 1600);
  };
  const entries = [
    { name: strings.common.curl, text: curlOf(twin.path), shown: curlOf(twin.path) },
    { name: strings.common.cli, text: twin.cli, shown: twin.cli },
    ...(typeof file.data === "string" ? [{ name: strings.common.yaml, text: file.data, shown: twin.file ?? "" }] : []),
  ];
  return (
    <Menu.Root>
      <Menu.Trigger className="button">
        <span aria-live="polite">{said ?? strings.common.copyAs}</span>
        <span aria-hidden="true" className="text-ink-faint">
          ▾
        </span>
      </Menu.Trigger>
      <Menu.Portal container={document.getElementById("main")}>
        <Menu.Positioner align="end" sideOffset={6} className="z-50 outline-none">
          <Menu.Popup className="menu-popup max-w-[calc(100vw-1rem)] outline-none">
            {entries.map((entry) => (
              <Menu.Item key={entry.name} className="menu-item flex-col !gap-0.5" onClick={() => void copy(entry.text)}>
                <span>{entry.name}</span>
                <code className="max-w-[22rem] truncate text-xs text-ink-faint">{entry.shown}</code>
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
};

// The token comes from the environment: it never stands in a copied line or in a shell's history.
const curlOf = (path: string): string =>
  `curl -H "Authorization: Bearer $PORTICO_TOKEN" '${studioUrl}/api/v1${path.replaceAll("'", "%27")}'`;
