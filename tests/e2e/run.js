// The demo page as a reader meets it: the real binary, the real posts, Debian's Chromium. Prints "N passed, N failed".
//
// Each check gets a page of its own in a fresh browser context, and fails on any console message, page error, refused
// resource or request to another origin. TGA_SHOTS names a directory for screenshots, which are never part of the
// repository; CHROMIUM names another browser.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { focused } from "./checker.js";
import { demoStart } from "./server.js";

// Letters that the inflected forms of a tag share.
const TAG_ROOT_CHARS = 5;
const ANSWERABLE = "Какой фильм получил гран-при «Северного луча»?";
const ENGLISH = "Why did tidelock go down?";
const UNANSWERABLE = "Сколько пингвинов живёт в зоопарке Сиднея?";
const WAIT_MS = 60_000;
const BROWSER_ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const SHOTS = process.env.TGA_SHOTS;

const demo = await demoStart();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER_ARGS });
let passed = 0;
let failed = 0;

/** One check in a context of its own; `options` are the context's (size, colour scheme, locale), `at` where it begins. */
async function check(name, body, options = {}, at = { path: "", ready: ".example" }) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "ru-RU", ...options });
  context.setDefaultTimeout(WAIT_MS);
  const complaints = [];
  await context.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`)));
  const page = await context.newPage();
  page.on("console", (message) => complaints.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`page error: ${error}`));
  page.on("request", (request) => { if (![demo.url, `blob:${demo.url}`].some((own) => request.url().startsWith(own))) complaints.push(`other origin: ${request.url()}`); });
  page.on("response", (response) => { if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`); });
  try {
    await page.goto(new URL(at.path, demo.url).href);
    await page.locator(at.ready).first().waitFor();
    await body(page, (shot) => SHOTS && page.screenshot({ path: `${SHOTS}/${shot}.png`, fullPage: true }));
    assert.deepEqual(complaints, []);
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n     ${String(error.message).replaceAll("\n", "\n     ")}`);
    if (complaints.length) console.log(`     ${complaints.join("\n     ")}`);
  } finally {
    await context.close();
  }
}

async function ask(page, question) {
  await page.fill("#question", question);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#answer-body")?.getAttribute("aria-busy") === "false"
    && document.querySelector("#hits-body")?.getAttribute("aria-busy") === "false");
}

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function narrow(page, shot) {
  assert.ok(await overflow(page) <= 0, "the first screen scrolls sideways");
  await shot("start");
  await ask(page, ANSWERABLE);
  await page.locator("#sources .card").first().waitFor();
  assert.ok(await overflow(page) <= 0, "the answer scrolls sideways");
  await shot("answer");
  await page.locator("#filters summary").click();
  assert.ok(await overflow(page) <= 0, "the filters scroll sideways");
  const small = await page.evaluate(() => [...document.querySelectorAll("button, summary")].filter((element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0 && (height < 32 || width < 32) && getComputedStyle(element).visibility === "visible";
  }).map((element) => element.outerHTML.slice(0, 80)));
  assert.deepEqual(small, [], "too small for a finger");
}

async function checks() {
  await check("the first screen tells what is there and what to ask", async (page, shot) => {
    assert.equal(await page.locator(".example").count(), demo.questions.length);
    const lead = await page.locator("#lead").textContent();
    assert.match(lead.replace(/\s/g, ""), new RegExp(`^${demo.posts}`));
    assert.ok(await page.locator("#channels .channel").count() > 3);
    assert.match(await page.locator("#status-line").textContent(), demo.model ? /модель/ : /без модели/);
    await shot("1280-light-start");
  });

  await check("a question gets a cited answer, and each citation leads to its source", async (page, shot) => {
    await ask(page, ANSWERABLE);
    assert.match(await page.locator(".answer-text").textContent(), /Соль на подоконнике/);
    const cite = page.locator(".cite").first();
    const n = await cite.getAttribute("data-source");
    const card = page.locator(`#source-${n}`);
    assert.match(await card.textContent(), /Соль на подоконнике/);
    assert.match(await card.locator("a", { hasText: "Telegram" }).getAttribute("href"), /^https:\/\/t\.me\/\w+\/\d+$/);
    assert.ok(await card.locator("mark.quote").count() > 0, "the quoted words are not marked");
    await shot("1280-light-answer");
    await cite.click();
    await focused(page, `#source-${n}`);
    assert.equal(new URL(page.url()).searchParams.get("q"), ANSWERABLE);
  });

  await check("leaving the question moves nothing under the pointer", async (page) => {
    const height = () => page.locator("#question").evaluate((field) => field.getBoundingClientRect().height);
    for (let chars = 20; chars <= 120; chars += 1) {
      await page.fill("#question", "с".repeat(5).padEnd(chars, " слово"));
      const typing = await height();
      await page.locator("#question").blur();
      assert.equal(await height(), typing, `${chars} characters`);
    }
  });

  await check("the answer comes as events: words, then sources", async (page) => {
    const asked = page.waitForRequest((request) => request.url().endsWith("/api/rag/query"));
    await ask(page, ANSWERABLE);
    const request = await asked;
    assert.equal(request.postDataJSON().stream, true);
    const response = await request.response();
    assert.match(response.headers()["content-type"], /^text\/event-stream/);
    const names = [...(await response.text()).matchAll(/^event: (\w+)$/gm)].map((found) => found[1]);
    assert.deepEqual(names.filter((name) => name !== "token"), ["sources", "done"]);
    assert.equal(names[0], "token");
  });

  await check("what has come of an answer is shown, and half an answer is none", async (page) => {
    // The page's own fetch, with a stream that the check feeds piece by piece, also through the middle of an event.
    await page.evaluate(() => {
      const whole = window.fetch;
      window.fetch = (path, options) => {
        if (!String(path).endsWith("/api/rag/query")) return whole(path, options);
        const body = new ReadableStream({ start(controller) {
          window.feed = (text) => controller.enqueue(new TextEncoder().encode(text));
          window.cut = () => controller.close();
        } });
        return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
      };
    });
    await page.fill("#question", ANSWERABLE);
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => Boolean(window.feed));
    await page.evaluate(() => window.feed(': hold on\n\nevent: token\ndata: {"text":"Первая строка. [1]\\n"}\n\nevent: tok'));
    await page.locator(".answer-text", { hasText: "Первая строка." }).waitFor();
    assert.equal(await page.locator("#answer-body").getAttribute("aria-busy"), "true");
    assert.equal(await page.locator(".cite").count(), 0, "a citation leads nowhere before its source is there");
    await page.evaluate(() => window.feed('en\ndata: {"text":"Вторая строка. [1]"}\n\n'));
    await page.locator(".answer-text", { hasText: "Вторая строка." }).waitFor();
    await page.evaluate(() => window.cut());
    await page.locator("#answer-body .note.bad button").waitFor();
    assert.equal(await page.locator(".answer-text").count(), 0);
  });

  await check("matching posts mark the words and hold exactly the marked text", async (page) => {
    await ask(page, ANSWERABLE);
    const marks = await page.locator("#hits-body mark").allTextContents();
    assert.ok(marks.length > 0, "nothing is marked");
    for (const mark of marks) assert.match(mark, /^[\p{L}\p{N}-]+$/u);
    assert.ok(marks.some((mark) => /гран-при|фильм|луч/i.test(mark)), marks.join(" "));
    assert.doesNotMatch(await page.locator("#hits-body").textContent(), /[\uE000\uE001]/u);
  });

  await check("an example question answers in its own language", async (page) => {
    await page.locator(".example", { hasText: ENGLISH }).click();
    await page.locator(".answer-text .cite").first().waitFor();
    assert.match(await page.locator(".answer-text").textContent(), /[a-z]{4}/i);
  });

  await check("a tag filters the posts and can be taken off again", async (page) => {
    await page.locator("#tags .chip").first().click();
    const off = page.locator("#tag-off");
    await off.waitFor();
    const tag = new URL(page.url()).searchParams.get("tag");
    await page.locator("#hits-body .card").first().waitFor();
    const cards = await page.locator("#hits-body .card").all();
    assert.ok(cards.length > 0);
    for (const card of cards) {
      // A post shows the form that stands in its text; the vocabulary joins the inflected ones.
      const root = (word) => word.toLocaleLowerCase("ru").slice(0, TAG_ROOT_CHARS);
      const tags = await card.locator(".chip").allTextContents();
      assert.ok(tags.map(root).includes(root(tag)), `${tag} is not among ${tags}`);
    }
    await off.click();
    await page.locator(".example").first().waitFor();
    assert.equal(new URL(page.url()).search, "");
  });

  await check("a channel and a period narrow the posts", async (page) => {
    await ask(page, ANSWERABLE);
    const channel = page.locator("#channels .channel").first();
    const title = await channel.getAttribute("title");
    const answered = page.waitForResponse((response) => response.url().endsWith("/api/search"));
    await channel.click();
    await answered;
    await page.waitForFunction((name) => [...document.querySelectorAll("#hits-body .card-who b")].every((each) => each.textContent === name), title);
    assert.ok(new URL(page.url()).searchParams.has("channel"));
    await page.goBack();
    await page.locator(".example").first().waitFor();
  });

  await check("a question the posts do not answer gets no invented answer", async (page, shot) => {
    await ask(page, UNANSWERABLE);
    assert.equal(await page.locator("#answer-head").textContent(), "В этих каналах такого нет");
    assert.equal(await page.locator(".cite").count(), 0);
    assert.ok(await page.locator("#sources .card").count() <= 3);
    await shot("1280-light-nothing");
  });

  await check("markup in a question stays text", async (page) => {
    await ask(page, "<img src=x onerror=alert(1)> метро");
    assert.equal(await page.locator("img").count(), 0);
    await page.reload();
    await page.waitForFunction(() => document.querySelector("#question").value.includes("<img"));
  });

  await check("reload and Back keep the question", async (page) => {
    await ask(page, ANSWERABLE);
    await page.reload();
    await page.locator(".answer-text .cite").first().waitFor();
    assert.equal(await page.inputValue("#question"), ANSWERABLE);
    await page.goBack();
    await page.locator(".example").first().waitFor();
  });

  await check("Russian and English switch in place and are remembered", async (page) => {
    await ask(page, ANSWERABLE);
    await page.click("[data-lang=en]");
    await page.waitForFunction(() => document.documentElement.lang === "en");
    assert.equal(await page.locator("#answer-head").textContent(), "Answer");
    await page.reload();
    await page.locator("[data-lang=en][aria-pressed=true]").waitFor();
    await page.click("[data-lang=ru]");
    await page.waitForFunction(() => document.documentElement.lang === "ru");
  });

  await check("dark and light follow the system and the button", async (page, shot) => {
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await ask(page, ANSWERABLE);
    await shot("1280-dark-answer");
    const isWhite = () => page.waitForFunction(() => getComputedStyle(document.body).backgroundColor === "rgb(255, 255, 255)");
    assert.notEqual(dark, "rgb(255, 255, 255)");
    await page.click("#theme");
    await isWhite();
    await page.reload();
    await isWhite();
  }, { colorScheme: "dark" });

  for (const width of [320, 390]) {
    await check(`${width} px need no sideways scroll`, (page, shot) => narrow(page, (name) => shot(`${width}-dark-${name}`)),
      { viewport: { width, height: 720 }, hasTouch: true, isMobile: true, colorScheme: "dark" });
    await check(`${width} px in English`, (page, shot) => narrow(page, (name) => shot(`${width}-light-${name}`)),
      { viewport: { width, height: 720 }, hasTouch: true, isMobile: true, locale: "en-GB" });
  }

  await check("the keyboard alone is enough", async (page) => {
    await page.locator("h1").click();
    await page.keyboard.press("/");
    await focused(page, "#question");
    await page.keyboard.type(ANSWERABLE);
    await page.keyboard.press("Enter");
    await page.locator(".answer-text .cite").first().focus();
    await page.keyboard.press("Enter");
    await focused(page, "[id^=source-]");
    await page.keyboard.press("Escape");
    await focused(page, "[id^=cite-]");
  });

  await check("Swagger UI shows the API's document", async (page, shot) => {
    assert.match(await page.locator(".info .title").innerText(), /Telegram Assistant/);
    const operation = page.locator(".opblock", { hasText: "/api/search" }).first();
    await operation.locator(".opblock-summary-control").click();
    await operation.locator(".responses-table").waitFor();
    await shot("swagger");
  }, {}, { path: "docs", ready: ".opblock" });

  await check("ReDoc shows the API's document", async (page, shot) => {
    await page.getByText("/api/rag/query").first().waitFor({ state: "attached" });
    assert.match(await page.locator("h1").first().innerText(), /Telegram Assistant/);
    await shot("redoc");
  }, {}, { path: "redoc", ready: "[data-section-id]" });
}

if (SHOTS) mkdirSync(SHOTS, { recursive: true });
try {
  await checks();
} finally {
  await browser.close();
  await demo.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
