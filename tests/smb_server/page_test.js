// What page_test.py has the browser do. Each check waits for the page, and fails after half a minute.
"use strict";

const assert = require("assert");
const fs = require("fs");
const { chromium } = require("playwright-core");

const axe_source = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { ADMIN_PORT: port, ADMIN_TOKEN: token, HOLDER: holder, SCREENSHOTS: folder } = process.env;
const sizes = [[1440, "light"], [1440, "dark"], [360, "light"], [360, "dark"]];
const problems = [];

async function open_page(browser, width, colorScheme) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("dialog", (dialog) => problems.push("a dialog: " + dialog.message()));
  page.on("console", (message) => {
    // The first answers are refused, before the token is there, and what a host does not offer. A browser reports
    // each as an error.
    if (message.type() === "error" && !/401|501/.test(message.text())) problems.push(message.text());
  });
  return page;
}

async function enter_token(page) {
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.waitForSelector("#token-form:not([hidden])");
  await page.fill("#token", token);
  await page.press("#token", "Enter");
}

/// The page says what is wrong.
async function wait_for(page, selector) {
  try {
    await page.waitForSelector(selector);
  } catch (error) {
    throw new Error(`${selector} does not appear: ${await page.innerText("body")}; ${problems}`, { cause: error });
  }
}

async function log_on(browser, width, colorScheme) {
  const page = await open_page(browser, width, colorScheme);
  await enter_token(page);
  await wait_for(page, "#waits li");
  return page;
}

async function seconds_left(page) {
  return Number((await page.getAttribute("#waits .ring", "aria-label")).split(" ")[0]);
}

// The page's own policy allows no inline script; the driver's evaluation is not subject to it.
async function judge_accessibility(page, what) {
  await page.evaluate(axe_source);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const said = found.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("; "));
  assert.deepStrictEqual(said, [], "accessibility of " + what);
  assert(found.passes.length > 10, "the judge has looked at little");
}

async function take_picture(page, name) {
  if (folder) await page.screenshot({ path: `${folder}/page-${name}.png`, fullPage: true });
}

async function judge_width(page, what) {
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert(excess <= 0, `${what} is ${excess} pixels too wide`);
}

async function show_a_wait(browser) {
  for (const [width, scheme] of sizes) {
    const name = `${width}-${scheme}`;
    const page = await log_on(browser, width, scheme);
    const words = await page.innerText("#waits li");
    assert(words.includes("docs/report.docx"), words);
    assert(words.includes("bob at 127.0.0.1:"), words);
    assert(words.includes(holder), "the holder's name is text: " + words);
    assert.strictEqual(await page.locator("img").count(), 0, "a name became an element");
    await judge_width(page, name);
    await judge_accessibility(page, name);
    await take_picture(page, name);
    assert(await page.isHidden("#cluster"), "a server without a cluster shows one");
    await page.click("#waits button");
    await page.waitForSelector("dialog[open]");
    await judge_accessibility(page, "the dialog, " + name);
    await page.close();
  }
}

async function count_down(page) {
  const before = await seconds_left(page);
  await page.waitForSelector([1, 2, 3].map((n) => `#waits .ring[aria-label="${before - n} seconds left"]`).join(","));
}

async function cancel_by_keyboard(page) {
  await page.focus("#waits button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  const lost = await page.innerText("#confirm-lost");
  assert(lost.includes("loses what it caches and has not written"), lost);
  if (folder) await page.screenshot({ path: `${folder}/page-dialog.png` });
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog:not([open])", { state: "attached" });
  assert.strictEqual(await page.locator("#waits li").count(), 1, "cancelled, nothing is done");
}

// A page whose timers are stopped. Only an event can make it look again; 250 ms may pass between two looks.
async function watch_without_polling(browser) {
  const page = await open_page(browser, 1440, "light");
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 1000);
  await enter_token(page);
  await page.waitForSelector("#waits li");
  await page.waitForFunction(() => document.getElementById("live").textContent === "Live", null, { polling: 50 });
  return page;
}

async function show_what_was(browser) {
  for (const [width, scheme] of sizes) {
    const name = `after-${width}-${scheme}`;
    const page = await open_page(browser, width, scheme);
    await enter_token(page);
    await page.waitForSelector("#blockers tbody tr");
    const words = await page.innerText("#top");
    assert(words.includes(holder), words);
    assert(words.includes("report.docx"), words);
    const latency = await page.innerText("#latency-text");
    assert(/1 in all, half of them below .+ \(p50\), 99 of 100 below .+ \(p99\)/.test(latency), latency);
    assert.strictEqual(await page.locator(".mark").count(), 2);
    assert.strictEqual(await page.locator("img").count(), 0, "a name became an element");
    await judge_width(page, name);
    await judge_accessibility(page, name);
    await take_picture(page, name);
    await page.close();
  }
}

function answer_with(page, path, status, body) {
  return page.route("**" + path, (route) => route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) }));
}

// Of a host that is in a cluster and has no events.
async function show_another_host(browser) {
  for (const [width, scheme] of sizes) {
    const name = `host-${width}-${scheme}`;
    const page = await open_page(browser, width, scheme);
    for (const path of ["/api/v1/top*", "/api/v1/events*"])
      await answer_with(page, path, 501, { error: { code: "not_supported", message: "no" } });
    await answer_with(page, "/api/v1/cluster", 200, {
      name: "a", stage: "member", run: 7, view: 3, slots: 1024, served: 600, pending: 1,
      servers: [{ name: "a", run: 7, address: "10.0.0.1:4451", slots: 600, silent: false },
        { name: holder, run: 6, address: "10.0.0.2:4451", slots: 424, silent: true }] });
    await enter_token(page);
    await wait_for(page, "#waits li");
    const words = await page.innerText("#cluster");
    assert(words.includes("a serves 600 of 1024 slots, in view 3."), words);
    assert(words.includes(holder) && words.includes("silent"), words);
    assert.strictEqual(await page.locator("img").count(), 0, "a name became an element");
    await judge_width(page, name);
    await judge_accessibility(page, name);
    await take_picture(page, name);
    await page.close();
  }
}

async function main() {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"] });
  await show_a_wait(browser);
  await show_another_host(browser);
  const watcher = await watch_without_polling(browser);
  const page = await log_on(browser, 1440, "light");
  await count_down(page);
  await cancel_by_keyboard(page);
  await page.click("#waits button");
  await page.click("dialog button.danger");
  await page.waitForSelector("#waits-none:not([hidden])");
  assert.strictEqual(await page.innerText("#status"), "Nobody waits.");
  await page.close();
  await watcher.clock.runFor(1000); // less than the pause between two looks without an event
  await watcher.waitForSelector("#waits-none:not([hidden])");
  await watcher.close();
  await show_what_was(browser);
  await browser.close();
  assert.deepStrictEqual(problems, []);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
