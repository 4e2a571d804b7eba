// Coming back and going over to another person: what is asked once is not asked again, and nothing of one reaches the next. Run by
// app.js in its world, with the people it made.

import assert from "node:assert/strict";
import { CHANNELS, IVAN, TELEGRAM_THEME, VERA } from "./cast.js";
import { focused, onDevice, onDeviceWait, settled } from "./checker.js";
import { telegramFake } from "./telegram.js";
import { initData } from "./world.js";

const QUESTION = "Какой ледокол вышел из порта?";
const STRANGER = { id: 900_300, first_name: "Чужой", language_code: "ru" };

/** What a stored session looks like. */
const kept = (signed) => JSON.stringify({ refresh: signed.refresh_token, id: signed.session_id, user: signed.user, tenants: signed.tenants, operator: signed.operator });
const sessionOf = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("tga.session"))?.id ?? null);
const started = (data) => `#${new URLSearchParams({ tgWebAppData: data, tgWebAppVersion: "9.0", tgWebAppPlatform: "ios", tgWebAppThemeParams: JSON.stringify(TELEGRAM_THEME) })}`;

const asksOf = (page, path) => {
  const asked = [];
  page.on("request", (request) => { if (request.method() === "POST" && request.url().endsWith(path)) asked.push(request); });
  return asked;
};

/** `harness` is what app.js drives its own checks with. */
export async function againChecks({ world, check, open, signedIn, sessionPut, api }) {
  const address = (path) => `${world.url}/app${path}`;

  async function backToAnAnswer(page) {
    await sessionPut(page, await signedIn(IVAN));
    const asked = asksOf(page, "/api/rag/query");
    await open(page, "/ask");
    await page.getByLabel("О чём спросить каналы?").fill(QUESTION);
    await page.keyboard.press("Enter");
    await page.locator(".answer[aria-live=polite] button.cite").first().click();
    const sheet = page.locator("dialog.sheet");
    // What is said while a sheet is open is said in it.
    await sheet.getByRole("button", { name: "Сохранить пост" }).click();
    await sheet.locator(".toast").waitFor();
    await sheet.getByRole("button", { name: "Сохранить пост" }).click();
    await sheet.getByText("Убрано из сохранённого").waitFor();
    await sheet.getByRole("link", { name: "Пост целиком" }).click();
    await page.locator("article.post").waitFor();
    await page.goBack();
    await page.locator("button.cite").first().waitFor();
    await page.reload();
    await page.locator("button.cite").first().waitFor();
    await page.locator(".skip").focus();
    await page.keyboard.press("Enter");
    await focused(page, "h1");
    await page.locator("button.cite").first().waitFor();
    await open(page, "/saved?show=history");
    await page.getByRole("link", { name: QUESTION }).first().click();
    await page.locator("button.cite").first().waitFor();
    assert.equal(asked.length, 1, "a question was asked again unasked");
    // In another scope it is another question, and whoever wants to asks anew.
    await page.route("**/api/rag/query", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace('"query_id"', '"degraded":"the model is away","query_id"') });
    }, { times: 1 });
    await page.getByRole("button", { name: "спросить заново" }).click();
    await page.locator("button.cite").first().waitFor();
    assert.equal(asked.length, 2);
    // That the answer is less than it could be is said with it.
    await page.getByText("Ответ неполон или собран из цитат").waitFor();
    await page.goto(address(`/ask?q=${encodeURIComponent(QUESTION)}&period=month`));
    await page.locator("button.cite").first().waitFor();
    assert.equal(asked.length, 3);
  }

  async function anotherInAnotherTab(page, made) {
    const tenant = world.run("tenant", "create", "Соседи");
    const other = await signedIn(STRANGER, { invite: world.invite("user", 1, tenant.slug) });
    await sessionPut(page, await signedIn(IVAN));
    await open(page, "/channels");
    await page.getByText(CHANNELS[0].title).first().click();
    await page.getByRole("button", { name: /Сверить ещё раз/ }).waitFor();
    await page.evaluate(() => sessionStorage.setItem("tga.login", "{}"));
    const tab = await made.newPage();
    await open(tab, "/me");
    await tab.evaluate((session) => localStorage.setItem("tga.session", session), kept(other));
    // The screen of the one before is gone before anything can be pressed in it.
    await page.getByRole("heading", { name: "Спросить", level: 1 }).waitFor();
    await settled(page);
    assert.ok(!(await page.content()).includes(CHANNELS[0].title));
    assert.equal(await page.evaluate(() => sessionStorage.getItem("tga.login")), null);
  }

  async function anotherInTelegram(page) {
    const ivan = await signedIn(IVAN);
    await sessionPut(page, ivan);
    await open(page, "/channels");
    const mine = `reply ${ivan.user.tenant_id}/${ivan.user.id}`;
    await page.waitForFunction(() => navigator.serviceWorker.ready);
    await onDeviceWait(page, [mine]);
    // A link that anybody can write, outside of Telegram: no word of Telegram's at all.
    const lie = started(`user=${encodeURIComponent(JSON.stringify({ id: 1 }))}`);
    await page.goto("about:blank");
    await page.goto(address(`/channels${lie}`));
    await page.getByText(CHANNELS[0].title).first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.classList.contains("in-telegram")), false);
    assert.equal(await sessionOf(page), ivan.session_id);
    // Inside Telegram the server does not find it true, and nothing is lost.
    await page.addInitScript(telegramFake);
    await page.goto("about:blank");
    await page.goto(address(`/channels${lie}`));
    await page.getByText(CHANNELS[0].title).first().waitFor();
    assert.equal(await sessionOf(page), ivan.session_id);
    await onDeviceWait(page, [mine]);
    // Somebody else's true word: theirs is the app, and nothing of the one before is left.
    const truth = started(initData(world.botToken, VERA));
    await page.goto("about:blank");
    await page.goto(address(`/channels${truth}`));
    await page.getByText("Каналов пока нет").waitFor();
    assert.deepEqual((await onDevice(page)).filter(([kind]) => kind === mine), []);
    assert.equal(await page.evaluate(() => JSON.parse(localStorage.getItem("tga.session")).user.telegram_id), VERA.id);
  }

  async function endedInTelegram(page) {
    const vera = await signedIn(VERA);
    await sessionPut(page, vera);
    await page.addInitScript(telegramFake);
    await page.goto(address(`/channels${started(initData(world.botToken, VERA))}`));
    await page.getByRole("heading", { name: "Каналы", level: 1 }).waitFor();
    await settled(page);
    assert.equal((await api(vera)("DELETE", `/api/auth/sessions/${vera.session_id}`)).status, 204);
    // The word that Telegram gave at the start was not needed yet; now it opens the app, and nobody sees a form.
    await page.getByRole("link", { name: "Сохранённое" }).click();
    await page.waitForFunction((id) => ![null, id].includes(JSON.parse(localStorage.getItem("tga.session"))?.id ?? null), vera.session_id);
    await page.getByRole("heading", { name: /Сохранённое|Спросить/, level: 1 }).waitFor();
    // Out by hand is out.
    await page.getByRole("link", { name: /Я$/ }).click();
    await page.getByRole("button", { name: "Выйти" }).click();
    await page.locator("dialog").getByRole("button", { name: "Выйти" }).click();
    await page.getByRole("heading", { name: "Спросите свои каналы" }).waitFor();
    assert.equal(await sessionOf(page), null);
  }

  async function leaveInTelegram(page) {
    const guest = { id: 900_301, first_name: "Гость", language_code: "ru" };
    await sessionPut(page, await signedIn(guest, { invite: world.invite() }));
    await page.addInitScript(telegramFake);
    await page.goto(address(`/me/data${started(initData(world.botToken, guest))}`));
    await page.getByRole("button", { name: /Скачать мои данные/ }).click();
    await page.locator("dialog").getByText(/\/export/).waitFor();
    // Telegram's back button leads out of the sheet first.
    await page.waitForFunction(() => window.fake.back);
    await page.evaluate(() => window.fake.press("back"));
    await page.locator("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Удалить меня" }).click();
    await page.getByLabel(/Введите свой номер/).fill(String(guest.id));
    await page.getByRole("button", { name: "Удалить навсегда" }).click();
    // No file is saved here, so the receipt is shown until it is put away; then nobody is signed in, not even by Telegram's word.
    assert.match(await page.getByLabel(/Подписанная справка/).inputValue(), /signature/);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Войти через Telegram" }).waitFor();
    assert.equal(await sessionOf(page), null);
    await onDeviceWait(page, (kinds) => kinds.length === 0);
  }

  async function outWhileRenewing(page, made) {
    await sessionPut(page, await signedIn(IVAN));
    let release = null;
    const held = new Promise((done) => { release = done; });
    let arrived = null;
    const asked = new Promise((done) => { arrived = done; });
    await page.route("**/api/auth/refresh", async (route) => {
      const response = await route.fetch();
      arrived();
      await held;
      await route.fulfill({ response });
    });
    await page.goto(address("/channels"));
    await asked;
    const tab = await made.newPage();
    await tab.goto(address("/privacy"));
    await tab.evaluate(() => localStorage.removeItem("tga.session"));
    await page.getByRole("heading", { name: "Спросите свои каналы" }).waitFor();
    const answered = page.waitForResponse("**/api/auth/refresh");
    release();
    await answered;
    await page.waitForFunction(() => navigator.locks.query().then(({ held: now }) => now.length === 0));
    assert.equal(await sessionOf(page), null, "signed out in one tab, the other wrote the session back");
  }

  async function oneRenewal(page) {
    const signed = await signedIn(IVAN);
    await sessionPut(page, signed);
    await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined }));
    const renewed = asksOf(page, "/api/auth/refresh");
    // The first screen asks for four things at once.
    await open(page, "/ask");
    assert.equal(renewed.length, 1);
    assert.equal((await api(signed)("GET", "/api/users/me")).status, 200, "the session was ended as reused");
    // An answer that is lost on the way is not asked for again behind the reader's back, by any of the four.
    await page.route("**/api/auth/refresh", async (route) => {
      await route.fetch();
      await route.abort();
    }, { times: 1 });
    await page.evaluate(() => indexedDB.deleteDatabase("tga"));
    await page.reload();
    await page.locator(".state.bad, .kept").first().waitFor();
    assert.equal(renewed.length, 2);
    assert.equal(await sessionOf(page), signed.session_id);
  }

  async function refusalsAreSaid(page) {
    await sessionPut(page, await signedIn(IVAN));
    await open(page, "/channels");
    await page.getByText(CHANNELS[0].title).first().click();
    const again = page.getByRole("button", { name: /Сверить ещё раз/ });
    await again.waitFor();
    await page.route("**/api/channels/*/backfill", (route) => route.fulfill({ status: 500, json: { error: { code: "internal", message: "broken" } } }));
    const reloaded = page.waitForResponse(/\/api\/channels\/\d+\/ledger/);
    await again.press("Enter");
    await page.locator(".toast.bad").waitFor();
    await reloaded;
    await settled(page);
    // Not lost when the card is drawn anew.
    await focused(page, ".row");
  }

  await check("again: coming back to an answer asks nothing again", backToAnAnswer);
  await check("again: another person in another tab: screens of the one before are gone", anotherInAnotherTab, { allow: [/404/] });
  await check("again: another person in Telegram: a lie changes nothing, a true word everything", anotherInTelegram, { allow: [/40[0134]/] });
  await check("again: a session that ended inside Telegram begins anew, unless one signed out", endedInTelegram, { allow: [/401/] });
  await check("again: leaving inside Telegram shows the receipt and signs nobody in", leaveInTelegram);
  await check("again: who signs out while a session is renewed stays out", outWhileRenewing, { allow: [/401/] });
  await check("again: one renewal at a time, also without locks, and never twice", oneRenewal, { allow: [/ERR_FAILED/] });
  await check("again: what is refused is said, and the focus stays", refusalsAreSaid, { allow: [/500/] });
}
