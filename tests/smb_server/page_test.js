// What page_test.py has the browser do. Each check waits for the page, and fails after half a minute.
"use strict";

const assert = require("assert");
const { chromium } = require("playwright-core");

const { ADMIN_PORT: port, ADMIN_TOKEN: token, HOLDER: holder, SCREENSHOTS: folder } = process.env;

async function log_on(browser, width, colorScheme, problems) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("dialog", (dialog) => problems.push("a dialog: " + dialog.message()));
  page.on("console", (message) => {
    // The first answers are refused, before the token is there.
    if (message.type() === "error" && !message.text().includes("401")) problems.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.waitForSelector("#token-form:not([hidden])");
  await page.fill("#token", token);
  await page.press("#token", "Enter");
  await page.waitForSelector("#waits li");
  return page;
}

async function seconds_left(page) {
  return Number((await page.getAttribute("#waits .ring", "aria-label")).split(" ")[0]);
}

async function main() {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const problems = [];
  for (const [width, scheme] of [[1440, "light"], [1440, "dark"], [360, "light"], [360, "dark"]]) {
    const page = await log_on(browser, width, scheme, problems);
    const words = await page.innerText("#waits li");
    assert(words.includes("docs/report.docx"), words);
    assert(words.includes("bob at 127.0.0.1:"), words);
    assert(words.includes(holder), "the holder's name is text: " + words);
    assert.strictEqual(await page.locator("img").count(), 0, "a name became an element");
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert(excess <= 0, `the page is ${excess} pixels too wide at ${width}`);
    if (folder) await page.screenshot({ path: `${folder}/page-${width}-${scheme}.png`, fullPage: true });
    await page.close();
  }

  const page = await log_on(browser, 1440, "light", problems);
  const before = await seconds_left(page);
  await page.waitForSelector([1, 2, 3].map((n) => `#waits .ring[aria-label="${before - n} seconds left"]`).join(","));
  // By keyboard alone.
  await page.focus("#waits button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  const lost = await page.innerText("#confirm-lost");
  assert(lost.includes("loses what it caches and has not written"), lost);
  if (folder) await page.screenshot({ path: `${folder}/page-dialog.png` });
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog:not([open])", { state: "attached" });
  assert.strictEqual(await page.locator("#waits li").count(), 1, "cancelled, nothing is done");
  await page.click("#waits button");
  await page.click("dialog button.danger");
  await page.waitForSelector("#waits-none:not([hidden])");
  assert.strictEqual(await page.innerText("#status"), "Nobody waits.");
  await browser.close();
  assert.deepStrictEqual(problems, []);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
