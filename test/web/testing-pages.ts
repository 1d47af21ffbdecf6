import assert from "node:assert/strict";
import axe from "axe-core";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";

/** A page with everything that it complained about and everything that it asked for. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, and what the browser refused: a violated policy, a failed asset. */
  readonly complaints: string[];
  /** The origins of all requests. */
  readonly origins: Set<string>;
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  readonly script?: boolean;
  /** Answers that a test asks for, and that the browser reports as errors: by status. */
  readonly expectedStatuses?: readonly number[];
}

/** Opens an empty page in a context of its own: no cookies, no storage. */
export const openPage = async (browser: Browser, options: PageOptions = {}): Promise<WatchedPage> => {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
    colorScheme: options.scheme ?? "light",
    javaScriptEnabled: options.script ?? true,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  const origins = new Set<string>();
  const isExpected = (text: string): boolean =>
    (options.expectedStatuses ?? []).some((status) => text.includes(`status of ${status}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !isExpected(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) origins.add(new URL(request.url()).origin);
  });
  return { page, context, complaints, origins };
};

/** What axe finds wrong with a page by WCAG 2.2 A and AA, one line for each. */
export const axeFindings = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe.source);
  const run =
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })';
  const lines: unknown = await page.evaluate(
    `${run}.then((result) => result.violations.flatMap((rule) =>
      rule.nodes.map((node) => rule.id + ": " + node.html.slice(0, 160) + " " + (node.any[0]?.message ?? ""))))`,
  );
  return Array.isArray(lines) ? lines.map(String) : [];
};

/** The text that a person sees there: not what is hidden, closed or on another tab. */
export const shownText = (locator: Locator): Promise<string> => locator.innerText();

/** Whether a page is wider than its window. */
export const scrollsSideways = async (page: Page): Promise<boolean> =>
  (await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")) === true;

/** Waits until a page has a title: it comes with the data, after the address. */
export const titleBecomes = async (page: Page, title: string): Promise<void> => {
  // A function that waits inside the page would have to be evaluated there, which its policy forbids.
  for (let turn = 0; turn < 100 && (await page.title()) !== title; turn++) await page.waitForTimeout(50);
  assert.equal(await page.title(), title);
};

/** What has the focus: its accessible text, or its tag where it has none. */
export const focused = async (page: Page): Promise<string> =>
  String(
    await page.evaluate(
      `(() => { const one = document.activeElement; return (one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.innerText || one.tagName).trim().split("\\n")[0]; })()`,
    ),
  );

/** Presses Tab until what has the focus begins with a text; fails after `stepsMax`: what cannot be reached cannot be used. */
export const tabTo = async (page: Page, text: string, stepsMax = 60): Promise<void> => {
  const seen: string[] = [];
  for (let step = 0; step < stepsMax; step++) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (now.startsWith(text)) return;
    seen.push(now);
  }
  throw new Error(`"${text}" was not reached by Tab: ${seen.join(" | ")}`);
};
