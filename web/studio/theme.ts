/** Light to dark and back; kept in a cookie, so that the server sends the next page in the right colours at once. */
export const toggleTheme = (): void => {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  root.dataset.theme = theme;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser that pages are made for
  document.cookie = `portico-theme=${theme}; path=/; max-age=31536000; samesite=lax`;
};
