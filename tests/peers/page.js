// Opens pages of --out html in Chromium and does what a person does: page.js CHROMIUM SMALL LARGE. Prints one JSON document for each.
"use strict";
const { chromium } = require("playwright-core");
const { pathToFileURL } = require("node:url");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

async function open(browser, path, scheme) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: scheme });
  const page = await context.newPage();
  const requests = [], errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(String(error)));
  const started = Date.now();
  await page.goto(pathToFileURL(path).href);
  await page.waitForSelector(".row");
  return { page, requests, errors, opened_ms: Date.now() - started };
}

const text = (page, id) => page.locator(id).innerText();
const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const attribute = (page, id, name) => page.locator(id).getAttribute(name);

async function small(browser, path) {
  const { page, requests, errors } = await open(browser, path, "dark");
  const seen = { title: await text(page, "#title"), facts: await text(page, "#facts"), theme_by_system: await attribute(page, "html", "data-theme") };
  await page.keyboard.press("t");
  seen.theme_by_key = await attribute(page, "html", "data-theme");
  await page.click("#theme");
  seen.theme_by_button = await attribute(page, "html", "data-theme");
  seen.rows = await attribute(page, "#rows", "aria-rowcount");
  await page.focus("#rows");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  seen.folded = [await attribute(page, "#rows", "aria-rowcount"), await attribute(page, "#span-0", "aria-expanded")];
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  seen.chosen = [await attribute(page, "#rows", "aria-activedescendant"), await attribute(page, "#span-1", "aria-selected"), await attribute(page, "#span-1", "aria-level")];
  await page.keyboard.press("/");
  await page.keyboard.type("card declined");
  await page.keyboard.press("Enter");
  seen.hits = await text(page, "#hits");
  seen.hit = await page.locator(".row.hit").getAttribute("aria-label");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  seen.details = await text(page, "#details");
  await page.keyboard.press("Escape");
  seen.closed = await page.locator("#details").isHidden();
  await page.keyboard.press("e");
  seen.error = await attribute(page, "#rows", "aria-activedescendant");
  await page.keyboard.press("z");
  await drawn(page);
  const zoomed = await text(page, "#ticks");
  await page.keyboard.press("0");
  await drawn(page);
  seen.zooms = zoomed !== (await text(page, "#ticks"));
  await page.keyboard.press("?");
  seen.keys = await page.locator("#keys").isVisible();
  await page.keyboard.press("Escape");
  await page.selectOption("#traces", "1");
  seen.other = await text(page, "#title");
  seen.scripts = await page.evaluate(() => [document.querySelectorAll("img").length, String(window.pwned)]);
  return { ...seen, requests: requests.length, errors };
}

async function large(browser, path) {
  const { page, requests, errors, opened_ms } = await open(browser, path, "light");
  const drawn_ms = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done(performance.now()))));
  const rows = await attribute(page, "#rows", "aria-rowcount");
  const started = Date.now();
  await page.fill("#search", "needle-4242;");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("hits").textContent.includes("of"));
  const searched_ms = Date.now() - started;
  const hits = await text(page, "#hits"), hit = await page.locator(".row.hit").getAttribute("aria-label");
  await page.focus("#rows");
  await page.keyboard.press("End");
  const last = await attribute(page, "#rows", "aria-activedescendant");
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  return { rows, hits, hit, last, nodes, opened_ms, drawn_ms, searched_ms, requests: requests.length, errors };
}

(async () => {
  const [path, one, other] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath: path, args: FLAGS });
  console.log(JSON.stringify(await small(browser, one)));
  console.log(JSON.stringify(await large(browser, other)));
  await browser.close();
})();
