import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { type Platform, startPlatform } from "../e2e/testing-platform.ts";
import { launchBrowser } from "./testing-browser.ts";
import { axeFindings, openPage, scrollsSideways, shownText, tabTo } from "./testing-pages.ts";

let platform: Platform;
let browser: Browser;

before(async () => {
  [platform, browser] = await Promise.all([startPlatform(), launchBrowser()]);
});

after(async () => {
  await browser?.close();
  await platform?.stop();
});

const pages = [
  "/",
  "/apis",
  "/apis?q=nothing-like-it",
  "/apis/orders",
  "/apis/orders?q=order",
  "/apis/orders/reference/Orders",
  "/apis/orders/reference/Orders/placeOrder",
  "/apis/orders/reference/Orders/getOrder",
  "/nothing",
];

describe("every page", () => {
  for (const scheme of ["light", "dark"] as const) {
    test(`has nothing that axe objects to, breaks no policy and loads from nowhere else (${scheme})`, async () => {
      const { page, context, complaints, origins } = await openPage(browser, { scheme, expectedStatuses: [404] });
      for (const path of pages) {
        await page.goto(platform.portal + path, { waitUntil: "networkidle" });
        assert.deepEqual(await axeFindings(page), [], path);
      }
      assert.deepEqual(complaints, []);
      assert.deepEqual([...origins], [platform.portal]);
      await context.close();
    });
  }

  test("fits a window of 360 pixels", async () => {
    const { page, context } = await openPage(browser, { width: 360, height: 740 });
    for (const path of pages) {
      await page.goto(platform.portal + path);
      assert.equal(await scrollsSideways(page), false, path);
    }
    assert.deepEqual(await axeFindings(page), []);
    await context.close();
  });
});

test("without script an operation is complete: every answer and every sample can be opened", async () => {
  const { page, context } = await openPage(browser, { script: false });
  await page.goto(`${platform.portal}/apis/orders/reference/Orders/placeOrder`);
  assert.ok(await page.getByText("The order as placed.").isVisible());
  assert.equal(await page.getByText("Not enough in stock.").isVisible(), false);
  await page.locator("label[for=response-409]").click();
  assert.ok(await page.getByText("Not enough in stock.").isVisible());
  assert.equal(await page.getByText("The order as placed.").isVisible(), false);
  await page.getByText("TypeScript").click();
  assert.ok(await page.getByText("await fetch(").isVisible());
  await page.locator("summary", { hasText: "1 field" }).first().click();
  assert.ok(await page.locator(".schema code", { hasText: "lines" }).first().isVisible());
  // What needs a script is not offered.
  assert.equal(await page.getByRole("button", { name: /Try it/ }).isVisible(), false);
  assert.equal(await page.getByRole("button", { name: "Copy" }).first().isVisible(), false);
  await context.close();
});

test("a page that nobody touches does not load the console", async () => {
  const { page, context } = await openPage(browser);
  const scripts: string[] = [];
  page.on("request", (request) => {
    if (request.resourceType() === "script") scripts.push(request.url());
  });
  await page.goto(`${platform.portal}/apis/orders/reference/Orders/getOrder`, { waitUntil: "networkidle" });
  assert.equal(scripts.length, 1);
  await page.keyboard.press("t");
  await page.locator("#call").waitFor();
  assert.equal(scripts.length, 2);
  await context.close();
});

test("from the front door to the first 200 by keyboard alone", async () => {
  const { page, context, complaints } = await openPage(browser);
  await page.goto(platform.portal);
  await tabTo(page, "Browse the APIs");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/apis");
  await tabTo(page, "Bookshop catalogue");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/apis/catalogue");
  await page.keyboard.press("/");
  await page.keyboard.type("/books");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/apis/catalogue?q=*");
  await tabTo(page, "GET");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/reference/**");
  await page.keyboard.press("t");
  // The cursor is where something is missing: the key.
  await page.locator("[data-call=key]:focus").waitFor();
  await page.keyboard.type(platform.key);
  await page.keyboard.press("Control+Enter");
  const result = page.locator("[data-call-result][data-state=done]");
  await result.waitFor();
  assert.match(await shownText(result), /200/);
  assert.match(await shownText(result), /"items"|\[/);
  // Esc closes the top layer and gives the focus back.
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#call").isVisible(), false);
  await page.locator("[data-call-open]:focus").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

describe("Try it", () => {
  test("explains a refusal, shows its headers, keeps the key in this tab only, and never in an address", async () => {
    const { page, context } = await openPage(browser);
    const addresses: string[] = [];
    const relayed: (string | null)[] = [];
    page.on("request", (request) => {
      addresses.push(request.url());
      if (request.url().includes("/relay/")) relayed.push(request.postData());
    });
    await page.goto(`${platform.portal}/apis/orders/reference/Orders/listOrders`);
    await page.getByRole("button", { name: /Try it/ }).click();
    await page.locator("[data-call=key]").fill("ptk_wrong");
    await page.getByRole("button", { name: "Send" }).click();
    const result = page.locator("[data-call-result][data-state=done]");
    await result.waitFor();
    assert.match(await shownText(result), /401/);
    assert.match(await shownText(result), /No key, or one that the gateway does not know/);
    await result.locator("summary").click();
    assert.match(await shownText(result), /WWW-Authenticate/i);
    assert.deepEqual(await axeFindings(page), []);

    await page.reload();
    await page.keyboard.press("t");
    assert.equal(await page.locator("[data-call=key]").inputValue(), "ptk_wrong");
    const other = await context.newPage();
    await other.goto(`${platform.portal}/apis/orders/reference/Orders/listOrders`);
    await other.keyboard.press("t");
    await other.locator("#call").waitFor();
    assert.equal(await other.locator("[data-call=key]").inputValue(), "");

    assert.equal(relayed.length, 1);
    assert.ok(addresses.every((address) => !address.includes("ptk_")));
    assert.ok(relayed.every((body) => !body?.includes("ptk_")));
    await context.close();
  });

  test("sends parameters, headers and a body, and shows what comes back", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${platform.portal}/apis/orders/reference/Orders/placeOrder`);
    await page.keyboard.press("t");
    await page.locator("[data-call=key]").fill(platform.key);
    await page.getByRole("button", { name: "Send" }).click();
    const result = page.locator("[data-call-result][data-state=done]");
    await result.waitFor();
    assert.match(await shownText(result), /201/);
    const order = /"id": "(o-\d+)"/.exec(await shownText(result))?.[1];
    assert.ok(order);

    await page.goto(`${platform.portal}/apis/orders/reference/Orders/getOrder`);
    await page.keyboard.press("t");
    await page.locator("[data-name=orderId]").fill("");
    await page.getByRole("button", { name: "Send" }).click();
    assert.match(await shownText(page.locator("[data-call-problem]")), /orderId needs a value/);
    assert.equal(await page.locator("[data-name=orderId]").getAttribute("aria-invalid"), "true");
    await page.locator("[data-name=orderId]").fill(order);
    await page.getByRole("button", { name: "Send" }).click();
    await result.waitFor();
    assert.match(await shownText(result), new RegExp(order));
    await context.close();
  });

  test("is a sheet at the bottom of a small window", async () => {
    const { page, context } = await openPage(browser, { width: 360, height: 740, scheme: "dark" });
    await page.goto(`${platform.portal}/apis/orders/reference/Orders/getOrder`);
    await page.getByRole("button", { name: /Try it/ }).click();
    const box = await page.locator("#call").boundingBox();
    assert.ok(box !== null && Math.abs(box.y + box.height - 740) < 2 && box.width === 360, JSON.stringify(box));
    assert.equal(await scrollsSideways(page), false);
    assert.deepEqual(await axeFindings(page), []);
    await context.close();
  });
});

test("the theme that somebody chooses stays, and comes with the page", async () => {
  const { page, context } = await openPage(browser);
  await page.goto(platform.portal);
  await page.getByRole("button", { name: "Switch between light and dark" }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  const html = await (await context.request.get(`${platform.portal}/apis`)).text();
  assert.match(html, /<html[^>]*data-theme="dark"/);
  await context.close();
});

test("a page of another origin cannot use the relay", async () => {
  const { page, context } = await openPage(browser, { expectedStatuses: [403] });
  await page.goto(platform.studio);
  const call = `fetch("${platform.portal}/relay/orders/listOrders", {
    method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then(() => "answered", () => "refused")`;
  assert.equal(await page.evaluate(call), "refused");
  await context.close();
});
