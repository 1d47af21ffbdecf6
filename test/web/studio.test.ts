import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { eventually, type Platform, root, startPlatform } from "../e2e/testing-platform.ts";
import { launchBrowser } from "./testing-browser.ts";
import {
  axeFindings,
  openPage,
  type PageOptions,
  scrollsSideways,
  shownText,
  tabTo,
  titleBecomes,
  type WatchedPage,
} from "./testing-pages.ts";

let platform: Platform;
let browser: Browser;

before(async () => {
  [platform, browser] = await Promise.all([startPlatform(), launchBrowser()]);
});

after(async () => {
  await browser?.close();
  await platform?.stop();
});

const linkToken = async (): Promise<string> => {
  const answer: unknown = await (await platform.manage("POST", "/sign-in-links", {})).json();
  return answer !== null && typeof answer === "object" && "token" in answer ? String(answer.token) : "";
};

const signedIn = async (options: PageOptions = {}): Promise<WatchedPage> => {
  const opened = await openPage(browser, options);
  await opened.page.goto(`${platform.studio}/sign-in#token=${await linkToken()}`);
  await opened.page.waitForURL("**/apis");
  await opened.page.getByRole("heading", { name: "APIs" }).waitFor();
  return opened;
};

const settle = async (page: Page): Promise<void> => {
  await page.locator("h1").waitFor();
  await page.locator('[role="status"][aria-label="Loading"]').first().waitFor({ state: "detached" });
};

const document = (title: string): string => `openapi: 3.1.0
info: { title: ${title}, version: "1" }
paths:
  /ping:
    get: { operationId: ping, summary: Answer at once, responses: { "200": { description: Well. } } }
`;

describe("signing in", () => {
  test("a link works once, its token leaves the address at once, and no script can read the session", async () => {
    const { page, context } = await openPage(browser, { expectedStatuses: [401] });
    const token = await linkToken();
    const link = `${platform.studio}/sign-in#token=${token}`;
    const addresses: string[] = [];
    page.on("request", (request) => addresses.push(request.url()));
    page.on("framenavigated", (frame) => addresses.push(frame.url()));
    await page.goto(link);
    await page.waitForURL("**/apis");
    assert.equal(await page.evaluate("document.cookie.includes('portico-session')"), false);
    const cookie = (await context.cookies()).find((one) => one.name === "portico-session");
    assert.equal(cookie?.httpOnly, true);
    assert.equal(cookie?.sameSite, "Strict");
    // The link itself was navigated to; nothing after it carries the token, not even the way back.
    assert.ok(addresses.filter((address) => address.includes(token)).every((address) => address === link));
    assert.equal(
      await page
        .evaluate("JSON.stringify([localStorage, sessionStorage])")
        .then((text) => String(text).includes("ptl_")),
      false,
    );

    const other = await openPage(browser, { expectedStatuses: [401] });
    await other.page.goto(link);
    await other.page.getByText("The link does not work any more").waitFor();
    assert.doesNotMatch(other.page.url(), /token/);
    assert.deepEqual(await axeFindings(other.page), []);
    await other.context.close();
    await context.close();
  });

  test("a link pasted over the address of the sign-in page signs in, although nothing is loaded anew", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${platform.studio}/sign-in`);
    await page.getByLabel("Link or token").waitFor();
    await page.evaluate(`location.hash = "token=${await linkToken()}"`);
    await page.waitForURL("**/apis");
    assert.doesNotMatch(page.url(), /token/);
    await context.close();
  });

  test("the token in the query works as well, and leaves the address", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${platform.studio}/sign-in?token=${await linkToken()}`);
    await page.waitForURL("**/apis");
    await context.close();
  });

  test("who is not signed in comes to the card, and afterwards to where they wanted", async () => {
    const { page, context } = await openPage(browser, { expectedStatuses: [401] });
    await page.goto(`${platform.studio}/apis/orders/policies?operation=placeOrder`);
    await page.waitForURL("**/sign-in?from=*");
    await page.getByLabel("Link or token").fill(`${platform.studio}/sign-in#token=${await linkToken()}`);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/apis/orders/policies?operation=placeOrder");
    await context.close();
  });

  test("a link that names another site as its target does not lead there", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${platform.studio}/sign-in?from=//evil.example/#token=${await linkToken()}`);
    await page.waitForURL(`${platform.studio}/apis`);
    await context.close();
  });

  test("signing out ends the session", async () => {
    const { page, context } = await signedIn({ expectedStatuses: [401] });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("**/sign-in");
    await page.goto(`${platform.studio}/apis`);
    await page.waitForURL("**/sign-in?from=*");
    await context.close();
  });
});

const pages = [
  "/apis",
  "/apis?q=orders",
  "/import",
  "/apis/orders",
  "/apis/orders/operations",
  "/apis/orders/policies?operation=placeOrder",
  "/gateways",
  "/requests",
  "/revisions",
  "/nothing/here",
];

describe("every page", () => {
  for (const scheme of ["light", "dark"] as const) {
    test(`has nothing that axe objects to, breaks no policy and loads from nowhere else (${scheme})`, async () => {
      const { page, context, complaints, origins } = await signedIn({ scheme });
      for (const path of pages) {
        await page.goto(platform.studio + path);
        await settle(page);
        assert.deepEqual(await axeFindings(page), [], path);
      }
      await page.goto(`${platform.studio}/apis`);
      await settle(page);
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      assert.deepEqual(await axeFindings(page), [], "shortcuts");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Copy as" }).click();
      await page.getByRole("menu").waitFor();
      assert.deepEqual(await axeFindings(page), [], "menu");
      assert.deepEqual(complaints, []);
      assert.deepEqual([...origins], [platform.studio]);
      await context.close();
    });
  }

  test("fits a window of 360 pixels", async () => {
    const { page, context } = await signedIn({ width: 360, height: 740 });
    for (const path of pages) {
      await page.goto(platform.studio + path);
      await settle(page);
      assert.equal(await scrollsSideways(page), false, path);
    }
    await context.close();
  });

  test("has an address of its own for each tab, and a title that says what it is", async () => {
    const { page, context } = await signedIn();
    await page.getByRole("link", { name: "Bookshop orders" }).click();
    for (const [tab, path] of [
      ["Operations", "/apis/orders/operations"],
      ["Policies", "/apis/orders/policies"],
      ["Overview", "/apis/orders"],
    ] as const) {
      await page.getByRole("link", { name: tab, exact: true }).click();
      await page.waitForURL(`${platform.studio}${path}`);
      await titleBecomes(page, `Bookshop orders | ${tab} | APIs | Portico studio`);
    }
    await page.goBack();
    await page.waitForURL("**/apis/orders/policies");
    await context.close();
  });
});

describe("publishing", () => {
  const stateOfAll = async (page: Page): Promise<void> => {
    await page.locator('[data-state="applied"]').first().waitFor();
    assert.equal(await page.locator('[data-state="applying"]').count(), 0);
  };

  test("from the list to an API that every gateway runs, by keyboard alone", async () => {
    const { page, context, complaints } = await signedIn();
    await page.keyboard.press("n");
    await page.waitForURL("**/import");
    await tabTo(page, "File");
    await page.keyboard.press("ArrowRight");
    await tabTo(page, "The document's text");
    await page.keyboard.insertText(document("Keyboard only"));
    await tabTo(page, "Look at it");
    await page.keyboard.press("Enter");
    await page.getByText("1 operation", { exact: true }).waitFor();
    await tabTo(page, "Path");
    await page.keyboard.type("/keys");
    await tabTo(page, "Backend");
    await page.keyboard.type("mock");
    // The preview follows the form.
    await page.keyboard.press("Control+Enter");
    await page.getByRole("heading", { name: "Keyboard only is published" }).waitFor();
    await stateOfAll(page);
    await tabTo(page, "Open the API");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/apis/keyboard-only");
    await stateOfAll(page);
    assert.match(await shownText(page.locator("pre").first()), /\/keys\/ping/);
    await tabTo(page, "Create a key");
    await page.keyboard.press("Enter");
    await page.getByText("Copy it now").waitFor();
    const line = await shownText(page.locator("pre").first());
    const key = /X-API-Key: (ptk_\w+)/.exec(line)?.[1] ?? "";
    assert.deepEqual(await axeFindings(page), []);
    // No product held the API: one of its name was made, with a limit.
    const answered = await fetch(`${platform.gateway}/keys/ping`, { headers: { "x-api-key": key } });
    assert.equal(answered.status, 200, await answered.text());
    assert.match(answered.headers.get("ratelimit-policy") ?? "", /q=60;w=60/);
    await page.reload();
    await page.getByRole("button", { name: "Create a key" }).waitFor();
    assert.ok(!(await page.content()).includes(key), "it was shown once");
    assert.deepEqual(complaints, []);
    await context.close();

    const call = await fetch(`${platform.gateway}/keys/ping`);
    assert.equal(call.status, 401);
    const portal = await (await fetch(`${platform.portal}/apis/keyboard-only`)).text();
    assert.match(portal, /Answer at once/);
  });

  test("a file is looked at before anything changes, with the place of every finding", async () => {
    const { page, context } = await signedIn();
    const before = await (await platform.manage("GET", "/apis/orders")).json();
    await page.goto(`${platform.studio}/import`);
    const bytes = await readFile(`${root}examples/bookshop/apis/orders/openapi.yaml`);
    await page.setInputFiles("input[type=file]", { name: "orders.yaml", mimeType: "application/yaml", buffer: bytes });
    await page.getByText("4 operations").first().waitFor();
    assert.match(await shownText(page.locator("main")), /line \d+, column \d+|Nothing to complain about/);
    await page.getByRole("textbox", { name: /^Name/ }).fill("orders");
    await page.getByText("Replaces the document of an API that is there").waitFor();
    await page.getByText("4 unchanged").waitFor();
    assert.deepEqual(await axeFindings(page), []);
    assert.deepEqual(await (await platform.manage("GET", "/apis/orders")).json(), before);
    await context.close();
  });

  test("what is no document is refused with its line, and the form stays", async () => {
    const { page, context } = await signedIn({ expectedStatuses: [400, 422] });
    await page.goto(`${platform.studio}/import`);
    await page.getByText("Paste", { exact: true }).click();
    await page.getByLabel("The document's text").fill('{\n  "openapi": "3.1.0",\n  "info": }\n');
    await page.getByRole("button", { name: "Look at it" }).click();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert.match(await shownText(alert), /line 3/);
    assert.match(await shownText(alert), /Request id/);
    assert.equal(await page.getByRole("button", { name: "Publish" }).isDisabled(), true);
    assert.deepEqual(await axeFindings(page), []);
    await context.close();
  });
});

describe("reading", () => {
  let context: BrowserContext;
  let page: Page;
  before(async () => {
    ({ context, page } = await signedIn());
  });
  after(() => context.close());

  test("the effective policy names for each step the scope and the file that say so", async () => {
    await page.goto(`${platform.studio}/apis/orders/policies?operation=placeOrder`);
    const inbound = page.getByRole("region", { name: /Inbound/ });
    await inbound.getByText("rate-limit-by-key", { exact: true }).waitFor();
    const text = await shownText(inbound);
    assert.match(text, /First: the caller shows an API key\./);
    assert.match(text, /rate-limit[\s\S]*plans\.free\.rate-limit[\s\S]*Plan of bookshop/);
    assert.match(text, /set-header[\s\S]*x-consumer[\s\S]*apis\/orders\/policy\.yaml[\s\S]*API/);
    assert.match(text, /rate-limit-by-key[\s\S]*Operation/);
    assert.ok(text.indexOf("set-header") < text.indexOf("rate-limit-by-key"));
    await page.getByText("forward-request", { exact: true }).waitFor();
    const source = await readFile(`${root}examples/bookshop/apis/orders/policy.yaml`, "utf8");
    const written = page.getByRole("region", { name: "apis/orders/policy.yaml" });
    assert.equal((await shownText(written)).trim(), source.trim());
    await page.getByLabel("As called with a key of").selectOption({ label: "no product" });
    await inbound.getByText("Plan of bookshop").first().waitFor({ state: "detached" });
  });

  test("the gateways page shows what each runs against what it should", async () => {
    await page.goto(`${platform.studio}/gateways`);
    await page.getByText("connected").first().waitFor();
    await page.locator('[data-state="applied"]').first().waitFor();
    assert.match(await shownText(page.locator("main")), /Desired r\d+/);
  });

  test("a filter stands in the address, and `/` leads to it", async () => {
    await page.goto(`${platform.studio}/apis/orders/operations`);
    await page.getByText("Place an order").first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("cancel");
    await page.waitForURL("**/operations?q=cancel");
    await page.getByText("Place an order").first().waitFor({ state: "detached" });
    assert.ok(await page.getByText("Cancel an order").first().isVisible());
  });

  test("a call that was not explained says how to have one explained", async () => {
    const opened = await signedIn({ expectedStatuses: [404] });
    await opened.page.goto(`${platform.studio}/requests/no-such-call`);
    await opened.page.getByText("This call was not explained").waitFor();
    assert.deepEqual(await axeFindings(opened.page), []);
    await opened.context.close();
  });

  test("a call that asked for it is shown step by step, with what each step changed", async () => {
    const asked = await platform.manage("POST", "/apis/catalogue/explain-tokens", {});
    const { token } = (await asked.json()) as { token: string };
    const response = await fetch(`${platform.gateway}/catalogue/books`, {
      headers: { "x-api-key": platform.key, "portico-explain": token },
    });
    assert.equal(response.status, 200);
    const id = response.headers.get("x-request-id") ?? "";
    await eventually(
      async () => (await platform.manage("GET", `/requests/${id}/explain`)).status === 200,
      5_000,
      "the explanation",
    );
    await page.goto(`${platform.studio}/requests`);
    await page.getByRole("link", { name: `Explain ${id}` }).click();
    await page.getByText("forwarded 200").waitFor();
    await page.getByText("key-auth", { exact: true }).click();
    await page.getByText("caller subscription:").waitFor();
    assert.deepEqual(await axeFindings(page), []);
    assert.ok(!(await scrollsSideways(page)));
    assert.doesNotMatch(await shownText(page.locator("main")), new RegExp(platform.key));
  });

  test("revisions say what changed, by whom, and how to go back", async () => {
    await page.goto(`${platform.studio}/revisions`);
    await page.getByText("The sample bookshop").waitFor();
    assert.match(await shownText(page.locator("table")), /r1\b/);
  });

  test("every page can be copied as a line for the shell, without the secret", async () => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${platform.studio}/apis/orders`);
    await page.getByRole("button", { name: "Copy as" }).click();
    await page.getByRole("menuitem", { name: /^curl/ }).click();
    await page.getByText("Copied").waitFor();
    const line = String(await page.evaluate("navigator.clipboard.readText()"));
    assert.match(line, /\$PORTICO_TOKEN.*\/api\/v1\/apis\/orders'/);
  });
});
