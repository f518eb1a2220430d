// Shows the operators' page in a browser for blocked_open.py, which asks by lines on standard input: "waits" prints the
// first pending operation, "none" waits until none is left and prints what the page says then, "pictures" puts pictures
// of the page into the folder PICTURES.
"use strict";

const readline = require("readline");
const { chromium } = require("playwright-core");

const { ADMIN_PORT: port, ADMIN_TOKEN: token, PICTURES: folder } = process.env;

const answers = {
  async waits(page) {
    await page.waitForSelector("#waits li");
    return (await page.innerText("#waits li")).split("\n").filter((part) => part !== "").join(" | ");
  },
  async pictures(page) {
    await page.waitForSelector("#blockers tbody tr");
    await page.waitForSelector('#waits .ring[aria-label="27 seconds left"]');
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const width of [360, 1440]) {
        await page.setViewportSize({ width, height: 400 });
        await page.screenshot({ path: `${folder}/page-${width}-${scheme}.png`, fullPage: true });
      }
      // For README: what is looked at first, and no more.
      await page.setViewportSize({ width: 960, height: 400 });
      const end = await page.locator("main section").nth(2).boundingBox();
      const clip = { x: 0, y: 0, width: 960, height: Math.ceil(end.y + end.height + 16) };
      await page.screenshot({ path: `${folder}/page-${scheme}.png`, fullPage: true, clip });
    }
    return "done";
  },
  async none(page) {
    await page.waitForSelector("#waits-none:not([hidden])");
    return page.innerText("#status");
  },
};

async function main() {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"] });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.fill("#token", token);
  await page.press("#token", "Enter");
  await page.waitForSelector("#waits-none:not([hidden])");
  console.log("ready");
  for await (const question of readline.createInterface({ input: process.stdin }))
    console.log(await answers[question](page));
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
