import { Dialog } from "@base-ui/react/dialog";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { type ReactElement, useState } from "react";
import { Mark } from "../ui/brand.tsx";
import { icons } from "./icons.tsx";
import { portalUrl } from "./platform.ts";
import { signOut } from "./session.ts";
import { useShortcuts } from "./shortcuts.ts";
import { strings } from "./strings.ts";
import { toggleTheme } from "./theme.ts";

const words = strings.nav;
const railStore = "portico-rail";

const places = [
  { to: "/apis", text: words.apis, icon: icons.apis },
  { to: "/requests", text: words.requests, icon: icons.requests },
  { to: "/gateways", text: words.gateways, icon: icons.gateways },
  { to: "/revisions", text: words.revisions, icon: icons.revisions },
] as const;

/** What is around every page of somebody who is signed in: the rail, and the keys. */
export const Shell = (): ReactElement => {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [isHelpOpen, openHelp] = useState(false);
  const [isWide, widen] = useState(() => localStorage.getItem(railStore) !== "narrow");
  useShortcuts({
    "g a": () => void navigate({ to: "/apis" }),
    "g l": () => void navigate({ to: "/requests" }),
    "g w": () => void navigate({ to: "/gateways" }),
    "g r": () => void navigate({ to: "/revisions" }),
    n: () => void navigate({ to: "/import" }),
    "/": () => document.querySelector<HTMLInputElement>("[data-filter]")?.focus(),
    "?": () => openHelp(true),
  });
  const leave = async (): Promise<void> => {
    // Whatever the server says to it, this browser forgets what it read.
    await signOut().catch(() => undefined);
    client.clear();
    await navigate({ to: "/sign-in" });
  };
  const toggleRail = (): void => {
    localStorage.setItem(railStore, isWide ? "narrow" : "wide");
    widen(!isWide);
  };
  const label = isWide ? "hidden sm:inline" : "sr-only";
  return (
    <div className="flex min-h-dvh flex-col sm:flex-row">
      <a className="skip-link" href="#main">
        {strings.skip}
      </a>
      <header
        className={`z-30 flex shrink-0 border-line bg-sunken max-sm:sticky max-sm:top-0 max-sm:border-b sm:sticky sm:top-0 sm:h-dvh sm:flex-col sm:border-r ${isWide ? "sm:w-[13.75rem]" : "sm:w-[3.75rem]"}`}
      >
        <Link to="/apis" className="flex h-14 items-center gap-3 px-3 font-semibold sm:px-4 tracking-tight">
          <Mark />
          <span className={label}>Portico</span>
        </Link>
        <nav
          aria-label={words.main}
          className="flex flex-1 items-center sm:mt-2 sm:gap-0.5 sm:px-2 sm:flex-col sm:items-stretch"
        >
          {places.map(({ to, text, icon }) => (
            <Link key={to} to={to} className="rail-link" title={text} activeProps={{ "aria-current": "page" }}>
              {icon}
              <span className={label}>{text}</span>
            </Link>
          ))}
          {portalUrl === undefined ? null : (
            <a className="rail-link" href={portalUrl} title={words.portal} target="_blank" rel="noreferrer">
              {icons.portal}
              <span className={label}>{words.portal}</span>
            </a>
          )}
        </nav>
        <div className="flex items-center sm:mb-3 sm:gap-0.5 sm:px-2 sm:flex-col sm:items-stretch">
          <RailButton
            text={words.shortcuts}
            icon={icons.keyboard}
            label={label}
            onClick={() => openHelp(true)}
            isDesktop
          />
          <RailButton text={words.themeShort} icon={icons.theme} label={label} onClick={toggleTheme} />
          <RailButton text={words.signOut} icon={icons.signOut} label={label} onClick={() => void leave()} />
          <RailButton
            text={isWide ? words.collapse : words.expand}
            icon={icons.rail}
            label={label}
            onClick={toggleRail}
            isDesktop
          />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="min-w-0 flex-1 outline-none">
        <Outlet />
      </main>
      <ShortcutSheet isOpen={isHelpOpen} onOpenChange={openHelp} />
    </div>
  );
};

const RailButton = ({
  text,
  icon,
  label,
  onClick,
  isDesktop = false,
}: {
  readonly text: string;
  readonly icon: ReactElement;
  readonly label: string;
  readonly onClick: () => void;
  readonly isDesktop?: boolean;
}): ReactElement => (
  <button type="button" className={`rail-link ${isDesktop ? "max-sm:hidden" : ""}`} title={text} onClick={onClick}>
    {icon}
    <span className={label}>{text}</span>
  </button>
);

const ShortcutSheet = ({
  isOpen,
  onOpenChange,
}: {
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
}): ReactElement => (
  <Dialog.Root open={isOpen} onOpenChange={onOpenChange}>
    <Dialog.Portal>
      <Dialog.Backdrop className="dialog-backdrop" />
      <Dialog.Popup className="dialog-popup">
        <div className="mb-4 flex items-center">
          <Dialog.Title className="text-lg font-semibold">{strings.shortcuts.title}</Dialog.Title>
          <Dialog.Close className="button button-quiet -mr-2 ml-auto">{strings.common.close}</Dialog.Close>
        </div>
        <dl className="divide-y divide-line text-sm">
          {strings.shortcuts.rows.map((row) => (
            <div key={row.text} className="flex items-center gap-4 py-2">
              <dt className="flex-1">{row.text}</dt>
              <dd className="flex gap-1">
                {row.keys.map((key) => (
                  <kbd key={key} className="key-cap">
                    {key}
                  </kbd>
                ))}
              </dd>
            </div>
          ))}
        </dl>
      </Dialog.Popup>
    </Dialog.Portal>
  </Dialog.Root>
);
