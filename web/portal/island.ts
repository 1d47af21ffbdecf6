import { islandStrings } from "./island-strings.ts";

// The only script of a page that nobody touches: theme, copying, two keys, and fetching the rest when "Try it" is asked for.
document.documentElement.dataset.script = "";

const toggleTheme = (): void => {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  root.dataset.theme = theme;
  // A cookie, so that the server sends the next page in the right colours at once.
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser that pages are made for
  document.cookie = `portico-theme=${theme}; path=/; max-age=31536000; samesite=lax`;
};

const copyFrom = async (button: HTMLElement): Promise<void> => {
  const text = button.closest("[data-copy-from]")?.querySelector("pre")?.textContent ?? "";
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = islandStrings.copied;
  } catch {
    // Without permission, or outside a secure context: the text can still be selected.
    button.textContent = islandStrings.copyFailed;
  }
  setTimeout(() => {
    button.textContent = before;
  }, 1600);
};

const openCall = async (): Promise<void> => {
  const form = document.querySelector<HTMLFormElement>("#call");
  const opener = document.querySelector<HTMLElement>("[data-call-open]");
  if (form === null || opener === null) return;
  const { openCallForm } = await import("./call.ts");
  openCallForm(form, opener);
};

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("[data-theme-toggle]")) toggleTheme();
  const copy = target?.closest<HTMLElement>("[data-copy]");
  if (copy) void copyFrom(copy);
  if (target?.closest("[data-call-open]")) void openCall();
});

document.addEventListener("keydown", (event) => {
  const target = event.target;
  const isTyping = target instanceof HTMLElement && target.matches("input:not([type=radio]), textarea, select");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const filter = document.querySelector<HTMLInputElement>("[data-filter]");
    if (filter === null) return;
    event.preventDefault();
    filter.focus();
    filter.select();
  }
  if (event.key === "t" && document.querySelector("[data-call-open]")) {
    event.preventDefault();
    void openCall();
  }
});
