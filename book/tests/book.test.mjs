// Opens the built book in a browser and uses it as a reader would: from disk and from a server, in light and dark, at the widths
// of a telephone, a tablet, a laptop and a desk, with and without JavaScript. See `run` for how it is started.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";
import test, { after, before, describe } from "node:test";
import { chromium } from "playwright-core";

const widths = [360, 768, 1280, 1920];
const folder = process.env.BOOK_FOLDER || "";
const givenUrl = process.env.BOOK_URL || "";
const launch = {
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
};

const types = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".png": "image/png" };

/** A server of our own, for when nobody gave us one: the book must not depend on any. */
const serve = () => new Promise((resolve) => {
  const server = http.createServer((request, response) => {
    const name = path.join(folder, path.normalize(decodeURIComponent(new URL(request.url, "http://x").pathname)));
    const file = name.endsWith(path.sep) ? path.join(name, "index.html") : name;
    if (!file.startsWith(folder) || !fs.existsSync(file)) { response.writeHead(404).end(); return; }
    response.writeHead(200, { "content-type": types[path.extname(file)] || "application/octet-stream" });
    fs.createReadStream(file).pipe(response);
  });
  server.listen(0, "127.0.0.1", () => resolve(server));
});

const places = [];
if (folder) places.push({ name: "from disk", base: pathToFileURL(folder).href });
places.push({ name: "from a server", base: givenUrl.replace(/\/(index\.html)?$/, "") });

let browser;
let server;
before(async () => {
  browser = await chromium.launch(launch);
  const last = places.at(-1);
  if (!last.base) {
    server = await serve();
    last.base = `http://127.0.0.1:${server.address().port}`;
  }
});
after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** A page whose complaints are gathered; `use` gets it, and then there must be none. */
async function withPage(options, use) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => { if (!/ERR_ABORTED/.test(request.failure()?.errorText)) complaints.push(`${request.url()}: ${request.failure()?.errorText}`); });
  page.on("response", (response) => { if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`); });
  page.on("request", (request) => { if (!/^(file|data|blob|http:\/\/(127\.0\.0\.1|localhost))/.test(request.url())) complaints.push(`asks elsewhere: ${request.url()}`); });
  try {
    await use(page, context);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

const name = (url) => url.split("#")[0].split("/").at(-1) || "index.html";
const hasIndex = (place) => place.base.startsWith("file:");
const home = (place) => (hasIndex(place) ? `${place.base}/index.html` : `${place.base}/`);

/** The pages of the book in reading order, as "next" leads through them. */
async function readingOrder(page, place) {
  await page.goto(home(place));
  const found = ["index.html"];
  for (;;) {
    const next = await page.locator(".pager a.next").first();
    if (!await next.count()) return found;
    await next.click();
    await page.waitForLoadState();
    assert.ok(!found.includes(name(page.url())), `next leads in a circle at ${page.url()}`);
    found.push(name(page.url()));
  }
}

for (const [index, place] of places.entries()) {
  describe(`The book ${place.name}`, () => {
    const here = () => places[index];

    test("next leads from the first page to the last, and previous back", async () => {
      await withPage({}, async (page) => {
        const order = await readingOrder(page, here());
        assert.ok(order.length >= 3, `only ${order.length} pages`);
        for (const wanted of order.slice(0, -1).reverse()) {
          await page.locator(".pager a.prev").click();
          await page.waitForLoadState();
          assert.equal(name(page.url()), wanted);
        }
        const listed = await page.locator(".sidebar .pages > li > a").evaluateAll((links) => links.map((a) => a.getAttribute("href")));
        assert.deepEqual(listed, order);
      });
    });

    test("the sidebar leads to every page and says where one is", async () => {
      await withPage({}, async (page) => {
        await page.goto(home(here()));
        const links = await page.locator(".sidebar .pages > li > a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
        for (const link of links) {
          await page.locator(`.sidebar .pages > li > a[href="${link}"]`).click();
          await page.waitForURL((url) => name(url.href) === link);
          assert.equal(await page.locator('.sidebar .pages [aria-current="page"]').getAttribute("href"), link);
          assert.equal(await page.locator("h1").count(), 1);
        }
      });
    });

    test("search finds a word from the middle of a section and leads there", async () => {
      await withPage({}, async (page) => {
        const { word, target } = await wordOfASection(page, here());
        await page.keyboard.press("/");
        await page.keyboard.type(word);
        const hit = page.locator(`.search-results a[href="${target}"]`);
        await hit.waitFor({ timeout: 5000 });
        assert.match((await hit.textContent()).toLowerCase(), new RegExp(word));
        await hit.click();
        await page.waitForURL((url) => url.href.endsWith(target));
        assert.equal(await page.locator("dialog.search[open]").count(), 0);
      });
    });

    test("search says so when there is nothing, and Escape leaves it", async () => {
      await withPage({}, async (page) => {
        await page.goto(home(here()));
        await page.locator(".sidebar .search-open").click();
        await page.keyboard.type("xyzzyplugh");
        await page.getByText("Nothing found").waitFor();
        await page.keyboard.press("Escape");
        await page.locator("dialog.search").waitFor({ state: "hidden" });
      });
    });

    test("Enter goes to the first name of the reference that search finds", async () => {
      await withPage({}, async (page) => {
        await page.goto(home(here()));
        const symbol = (await page.locator(".reference code").first().textContent()).replace("()", "");
        await page.keyboard.press("Control+k");
        await page.keyboard.type(symbol);
        await page.locator(".search-results a.chosen").waitFor();
        await page.keyboard.press("Enter");
        await page.waitForURL((url) => name(url.href) !== "index.html");
      });
    });

    for (const scheme of ["light", "dark"]) {
      test(`the page follows a ${scheme} system until the reader chooses, and remembers the choice`, async () => {
        await withPage({ colorScheme: scheme }, async (page) => {
          await page.goto(home(here()));
          const shade = async () => page.evaluate(() => {
            const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
            return r + g + b > 382 ? "light" : "dark";
          });
          const other = scheme === "light" ? "dark" : "light";
          assert.equal(await shade(), scheme);
          await page.locator(".sidebar .theme").click();
          assert.equal(await shade(), other);
          await page.reload();
          assert.equal(await shade(), other);
          await page.locator(".pager a.next").click();
          await page.waitForLoadState();
          assert.equal(await shade(), other);
        });
      });

      test(`no page scrolls sideways in ${scheme}, whatever its width`, async () => {
        await withPage({ colorScheme: scheme }, async (page) => {
          const order = await readingOrder(page, here());
          for (const file of [...order, ...await otherPages(page)]) {
            await page.goto(`${here().base}/${file}`);
            for (const width of widths) {
              await page.setViewportSize({ width, height: 800 });
              const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
              assert.ok(over <= 0, `${file} is ${over} pixels too wide at ${width}`);
            }
          }
        });
      });
    }

    test("a line of running text holds 60 to 80 characters on a wide screen", async () => {
      await withPage({}, async (page) => {
        const order = await readingOrder(page, here());
        for (const file of order) {
          await page.goto(`${here().base}/${file}`);
          const longest = await page.evaluate(charactersPerLine);
          if (longest) assert.ok(longest >= 60 && longest <= 80, `${file}: ${longest} characters in a full line`);
        }
      });
    });

    test("copying takes the code without its line numbers", async () => {
      await withPage(here().base.startsWith("http") ? { permissions: ["clipboard-read", "clipboard-write"] } : {}, async (page) => {
        await findListing(page, here());
        const figure = page.locator("figure.listing").first();
        const shown = await figure.locator(".line").evaluateAll((lines) => lines.map((line) => line.textContent).join("\n"));
        await page.evaluate(() => { window.copied = null; document.addEventListener("copy", () => { window.copied = document.activeElement.value; }); });
        if (here().base.startsWith("file:")) await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
        await figure.locator("button.copy").click();
        await figure.locator("button.copy.done").waitFor();
        const copied = here().base.startsWith("http") ? await page.evaluate(() => navigator.clipboard.readText()) : await page.evaluate(() => window.copied);
        assert.equal(copied, shown);
        assert.doesNotMatch(copied, /^\s*\d+\s/m);
      });
    });

    test("names in code lead to the reference", async () => {
      await withPage({}, async (page) => {
        const links = await findListing(page, here(), ".code a");
        for (const link of links.slice(0, 8)) {
          await page.goto(`${here().base}/${link}`);
          const anchor = new URL(page.url()).hash.slice(1);
          if (anchor) assert.equal(await page.locator(`[id="${anchor}"]`).count(), 1, link);
          assert.match(await page.locator(".kicker").first().textContent(), /Reference/);
        }
      });
    });

    test("on a telephone the contents are a drawer", async () => {
      await withPage({ viewport: { width: 360, height: 740 }, hasTouch: true }, async (page) => {
        await page.goto(home(here()));
        const sidebar = page.locator("#sidebar");
        assert.equal(await sidebar.isVisible(), false);
        await page.locator(".menu").click();
        await page.waitForFunction(() => document.getElementById("sidebar").getBoundingClientRect().left >= 0);
        await page.keyboard.press("Escape");
        await sidebar.waitFor({ state: "hidden" });
        await page.locator(".menu").click();
        await page.waitForFunction(() => document.getElementById("sidebar").getBoundingClientRect().left >= 0);
        await page.locator(".sidebar .pages > li > a").nth(1).click();
        await page.waitForURL((url) => name(url.href) !== "index.html");
      });
    });

    test("without JavaScript everything can be read and reached", async () => {
      await withPage({ javaScriptEnabled: false, viewport: { width: 360, height: 740 } }, async (page) => {
        await page.goto(home(here()));
        assert.equal(await page.locator("button:visible").count(), 0, "a button that can do nothing");
        assert.ok(await page.locator(".prose p").first().isVisible());
        await page.locator(".menu").click();
        await page.locator("#sidebar .pages > li > a").nth(1).waitFor({ state: "visible" });
        await page.waitForTimeout(300);
        await page.locator("#sidebar .pages > li > a").nth(1).click();
        await page.waitForURL((url) => name(url.href) !== "index.html");
      });
    });

    test("on paper there is no furniture", async () => {
      await withPage({}, async (page) => {
        await page.goto(home(here()));
        await page.emulateMedia({ media: "print", colorScheme: "dark" });
        for (const part of [".sidebar", ".topbar", ".pager"]) assert.equal(await page.locator(part).isVisible(), false, part);
        assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
      });
    });
  });
}

/** A word that stands in exactly one section's text and in no heading, and where that is. */
async function wordOfASection(page, place) {
  await page.goto(home(place));
  await page.addScriptTag({ url: "search-index.js" });
  return page.evaluate(() => {
    const { sections, symbols } = window.treadleSearch;
    const texts = [...sections.map((s) => `${s[1]} ${s[2]} ${s[3]}`), ...symbols.map((s) => `${s[1]} ${s[3]}`)].map((t) => t.toLowerCase());
    const titled = sections.filter((s) => s[2] && s[0].startsWith("ch"));
    for (const [target, , , text] of titled.length ? titled : sections) {
      for (const word of text.toLowerCase().match(/[a-z]{8,}/g) || []) {
        if (texts.filter((t) => t.includes(word)).length === 1) return { word, target };
      }
    }
    throw new Error("no section has a word of its own");
  });
}

/** Some pages that "next" does not lead to: the reference, a source, a class, the diffs. */
async function otherPages(page) {
  const all = await page.locator(".reference a").evaluateAll((links) => links.map((a) => a.getAttribute("href").split("#")[0]));
  const unique = [...new Set(all)];
  const headers = unique.filter((file) => file.endsWith("_8hpp.html"));
  const classes = unique.filter((file) => /^(class|struct|concept)/.test(file));
  const sources = headers.slice(0, 2).map((file) => file.replace(".html", "_source.html"));
  return ["reference.html", "namespacetreadle.html", ...headers.slice(0, 2), ...sources, ...classes.slice(0, 6)].filter((file) => file);
}

/** Goes to the first page that has a listing; what `selector` finds in it, as addresses. */
async function findListing(page, place, selector = ".code a") {
  for (const file of await readingOrder(page, place)) {
    await page.goto(`${place.base}/${file}`);
    const figures = page.locator("figure.listing");
    if (!await figures.count()) continue;
    const links = await figures.locator(selector).evaluateAll((all) => [...new Set(all.map((a) => a.getAttribute("href")))]);
    if (links.length) return links;
  }
  throw new Error("no page has a listing whose names lead to the reference");
}

/** In the page: the most characters that a full line of a long paragraph holds, as the median of such lines. */
function charactersPerLine() {
  const counts = [];
  for (const p of document.querySelectorAll(".prose > p")) {
    if (p.textContent.length < 240) continue;
    const range = document.createRange();
    const lines = new Map();
    const walker = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (let i = 0; i < node.length; i += 1) {
        range.setStart(node, i);
        range.setEnd(node, i + 1);
        const box = range.getBoundingClientRect();
        const top = Math.round((box.top + box.height / 2) / 12);
        if (box.width) lines.set(top, (lines.get(top) || 0) + 1);
      }
    }
    counts.push(...[...lines.values()].slice(0, -1));
  }
  counts.sort((a, b) => a - b);
  return counts.length < 4 ? 0 : counts[Math.floor(counts.length * 0.8)];
}
