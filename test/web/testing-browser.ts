import chromium from "@sparticuz/chromium";
import { type Browser, chromium as playwright } from "playwright-core";

/**
 * The Chromium that an npm package carries: nothing to install. It is unpacked into the temporary directory the first time (some
 * seconds). `--no-sandbox`, because containers and root have no user namespaces; it only ever opens our own pages on loopback.
 */
export const launchBrowser = async (): Promise<Browser> =>
  playwright.launch({
    executablePath: await chromium.executablePath(),
    args: [...chromium.args.filter((arg) => !unwanted.test(arg)), "--headless=shell", "--no-sandbox"],
    headless: true,
  });

// Flags of the package that weaken what the tests are about (the same-origin policy), or that belong to its home, a cloud function.
const unwanted = /^--(disable-web-security|allow-running-insecure-content|single-process|no-zygote|headless.*)$/;
