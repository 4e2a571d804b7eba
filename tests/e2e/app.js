// The Mini App as people meet it: whole journeys against the real service, its Telegram and its bot. Prints "N passed, N failed".
//
// TGA_E2E_ONLY runs the checks whose name holds it. What each check may not do is in checker.js.

import assert from "node:assert/strict";
import { OLGA, adminChecks } from "./admin.js";
import { againChecks } from "./again.js";
import { alertChecks } from "./alerts.js";
import { axe, checkerStart, enter, focused, looks, onDeviceWait, settled, until } from "./checker.js";
import { ANNA, CHANNELS, HOSTILE, IVAN, MALLORY, PASSWORD, TELEGRAM_THEME, VERA, people } from "./cast.js";
import { firstLoad } from "./load.js";
import { spacesChecks } from "./spaces.js";
import { telegramFake } from "./telegram.js";
import { versionsChecks } from "./versions.js";
import { codeScan, initData, worldStart } from "./world.js";

const OFFLINE_NOISE = [/ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/];
const SIGNED_OUT = [/401/];

const world = await worldStart({ TGA__TIERS__FREE__CHANNELS: "10", TGA__TIERS__FREE__QUESTIONS_PER_DAY: "1000", TGA__OPERATORS: `[${OLGA.id}]` });
await people(world);
const { check, context, count, stop } = await checkerStart(world.url);
const app = (path = "") => `${world.url}/app${path}`;

/** Signs somebody in by Telegram's word, straight at the API; what the app would have kept. */
async function signedIn(user, { invite, tenant_id } = {}) {
  const body = { init_data: initData(world.botToken, user), invite_code: invite, tenant_id };
  const answer = await fetch(`${world.url}/api/auth/telegram-webapp`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const signed = await answer.json();
  assert.ok(signed.user, JSON.stringify(signed));
  return signed;
}

const sessionPut = (target, signed, lang = "ru") => target.addInitScript(({ kept, code }) => {
  if (location.protocol === "about:") return;
  if (!localStorage.getItem("tga.began")) {
    localStorage.setItem("tga.session", kept);
    localStorage.setItem("tga.began", "1");
    localStorage.setItem("tga.language", code);
  }
}, { kept: JSON.stringify({ refresh: signed.refresh_token, id: signed.session_id, user: signed.user, tenants: signed.tenants, operator: signed.operator }), code: lang });

async function open(page, path, heading) {
  await page.goto(app(path));
  await settled(page);
  if (heading) await page.getByRole("heading", { name: heading, level: 1 }).first().waitFor();
}

const api = (signed) => (method, path, body) => fetch(world.url + path, { method, headers: { Authorization: `Bearer ${signed.access_token}`, "Content-Type": "application/json" }, body: body && JSON.stringify(body) });

async function connect(page, user, password) {
  await codeScan(world, page, user);
  if (!password) return;
  await page.getByLabel("Пароль").fill(password);
  await page.getByRole("button", { name: "Войти", exact: true }).click();
}

async function channelAdd(page, reference, title) {
  await page.getByLabel("Имя или ссылка").fill(reference);
  await page.getByRole("button", { name: "Добавить", exact: true }).click();
  await page.getByRole("heading", { name: title, level: 1 }).first().waitFor();
}

/** Ivan, who has connected his account and follows both channels: the state other checks begin from. */
let ivan = null;

async function journey(page) {
  await page.goto(app("?invite=" + world.invite("admin")));
  await page.getByRole("heading", { name: "Спросите свои каналы" }).waitFor();
  await looks(page, "sign-in");
  await page.getByRole("button", { name: "Продолжить" }).click();
  await page.locator("img.qr").waitFor();
  await page.waitForFunction(() => document.querySelector("img.qr")?.naturalWidth > 0);
  await looks(page, "login-code");
  await codeScan(world, page, IVAN.id);
  await page.getByLabel("Пароль").waitFor();
  assert.match(await page.locator(".field .note").innerText(), /кличка/);
  await looks(page, "login-password");
  await page.getByLabel("Пароль").fill("не тот пароль");
  await enter(page);
  await page.getByText("Пароль не подошёл. Осталось 4 попытки.").waitFor();
  // A reload in the middle loses nothing.
  await page.reload();
  await page.getByLabel("Пароль").fill(PASSWORD);
  await page.getByRole("button", { name: "Войти", exact: true }).click();
  await page.getByText("Готово, аккаунт подключён").waitFor();
  await looks(page, "login-done");
  await page.getByRole("button", { name: "Добавить первый канал" }).click();
  await channelAdd(page, "https://t.me/severnews/2", CHANNELS[0].title);
  await page.getByText("Прочитано всё").waitFor();
  await page.goto(app("/channels?add=1"));
  await channelAdd(page, "@portovik", CHANNELS[1].title);
  await page.getByText("Прочитано всё").waitFor();
  // A post that comes now is found now.
  await world.tell({ do: "post", channel: CHANNELS[0].id, text: "Маяк на мысе Тихий снова зажгли 14 ноября после ремонта." });
  await until(async () => {
    await open(page, "/search?q=маяк&mode=fulltext");
    return (await page.locator("article.post", { hasText: "Маяк на мысе Тихий" }).count()) > 0;
  }, "a live post is not found");
  await page.getByRole("link", { name: "Спросить" }).click();
  await page.getByRole("heading", { name: "Спросить", level: 1 }).waitFor();
  await page.getByLabel("О чём спросить каналы?").fill("Когда снова зажгли маяк на мысе Тихий?");
  await page.keyboard.press("Enter");
  await page.locator("button.cite").first().waitFor();
  assert.match(await page.locator(".answer-text").innerText(), /14 ноября/);
  await page.locator("button.cite").first().click();
  const sheet = page.locator("dialog.sheet");
  assert.match(await sheet.locator("mark").first().innerText(), /14 ноября/);
  assert.match(await sheet.getByRole("link", { name: "Открыть в Telegram" }).getAttribute("href"), /^https:\/\/t\.me\/severnews\/\d+$/);
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
  // A follow-up chains below, and the good answer is told.
  await page.getByLabel("О чём спросить каналы?").fill("Какой ледокол вышел из порта?");
  await page.keyboard.press("Enter");
  await page.locator(".turn").nth(1).locator("button.cite").first().waitFor();
  await page.locator(".turn").first().getByRole("button", { name: "Хороший ответ" }).click();
  await page.locator(".turn").first().locator("[aria-pressed=true]").waitFor();
  await page.goto(app("/me"));
  await page.getByText("Подключён", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Выйти" }).click();
  await page.locator("dialog").getByRole("button", { name: "Выйти" }).click();
  await page.getByRole("heading", { name: "Спросите свои каналы" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("tga.session")), null);
}

async function refusals(page) {
  await page.goto(app("/sign-in"));
  await page.getByLabel("Код приглашения").fill("КОРОТКО");
  await page.getByRole("button", { name: "Продолжить" }).click();
  await page.getByText("В коде 12 букв и цифр.").waitFor();
  await page.getByLabel("Код приглашения").fill("ABCDEFGH1234");
  await page.getByRole("button", { name: "Продолжить" }).click();
  await page.getByText("Такого кода нет.").waitFor();
  const revoked = world.invite();
  world.run("invite", "revoke", "--code", revoked);
  await page.goto(app(`/login?invite=${revoked}`));
  await page.getByText("Приглашение отозвано.").waitFor();
  await looks(page, "login-refused");
  const code = world.invite();
  await page.goto(app(`/login?invite=${code}`));
  await page.locator("img.qr").waitFor();
  await page.getByRole("button", { name: "Отменить вход" }).click();
  await page.getByText("Вход отменён").waitFor();
  assert.equal(world.run("invite", "get", "--code", code).uses_count, 0);
  await page.getByRole("button", { name: "Начать заново" }).click();
  await connect(page, MALLORY.id, "wrong 1");
  for (let left = 4; left > 0; left -= 1) {
    await page.getByText(new RegExp(`Остал[а-я]+ ${left} попыт`)).waitFor();
    await page.getByLabel("Пароль").fill(`wrong ${left}`);
    await enter(page);
  }
  await page.getByText("Пароль не подошёл пять раз").waitFor();
  assert.equal(world.run("invite", "get", "--code", code).uses_count, 0);
}

async function otherAccount(page) {
  await sessionPut(page, await signedIn(VERA));
  await page.goto(app("/login"));
  await codeScan(world, page, ANNA.id);
  await page.getByText("Код отсканировал другой аккаунт").waitFor();
  assert.equal((await world.tell({ do: "logins", user: ANNA.id })).logins, 0, "the stranger's account stays logged in");
}

// ---- screens of somebody who is in ----

async function pagesLook(page) {
  await sessionPut(page, await signedIn(IVAN));
  const search = async () => { await page.getByLabel("Слова или смысл").fill("ледокол"); await page.locator("mark").first().waitFor(); };
  const answer = async () => { await page.getByLabel("О чём спросить каналы?").fill("Какой ледокол вышел из порта?"); await page.keyboard.press("Enter"); await page.locator("button.cite").first().waitFor(); };
  const first = (await (await api(ivan)("GET", "/api/posts?limit=1")).json()).posts[0];
  const channel = (await (await api(ivan)("GET", "/api/channels")).json()).channels[0];
  const screens = [["ask", "/ask"], ["search", "/search", search], ["channels", "/channels"], ["channel", `/channels/${channel.id}`],
    ["tags", "/tags"], ["tag", "/tags/%D0%BB%D0%B5%D0%B4%D0%BE%D0%BA%D0%BE%D0%BB"], ["post", `/posts/${first.id}`], ["saved", "/saved"], ["history", "/saved?show=history"], ["me", "/me"],
    ["sessions", "/me/sessions"], ["data", "/me/data"], ["privacy", "/privacy"]];
  for (const [name, path, before] of screens) {
    await open(page, path);
    await before?.();
    await looks(page, name);
  }
  await open(page, "/ask");
  await answer();
  for (const [scheme, width] of [["light", 360], ["dark", 1280]]) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 760 });
    if (process.env.TGA_SHOTS) await page.screenshot({ path: `${process.env.TGA_SHOTS}/answer-${width}-${scheme}.png` });
    assert.deepEqual(await axe(page), []);
    if ((await page.locator("button.cite").count()) === 0) await answer();
    await page.locator("button.cite").first().click();
    await page.locator("dialog mark").first().waitFor();
    if (process.env.TGA_SHOTS) await page.screenshot({ path: `${process.env.TGA_SHOTS}/source-${width}-${scheme}.png` });
    assert.deepEqual(await axe(page), []);
    await page.keyboard.press("Escape");
  }
}

async function narrow(page) {
  await sessionPut(page, await signedIn(IVAN));
  for (const path of ["/ask", "/search?q=ледокол", "/channels", "/tags", "/saved", "/me", "/me/data"]) {
    await open(page, path);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${path} scrolls sideways`);
    const small = await page.evaluate(() => [...document.querySelectorAll("button, a.row, .bar a, input, select")].filter((one) => {
      const { width, height } = one.getBoundingClientRect();
      return width > 0 && height > 0 && (height < 40 || width < 40) && !one.matches(".inline, .cite, .section-head *, [type=checkbox], .choice *");
    }).map((one) => one.outerHTML.slice(0, 90)));
    assert.deepEqual(small, [], path);
  }
}

async function savedOffline(page, made) {
  const signed = await signedIn(IVAN);
  await sessionPut(page, signed);
  await open(page, "/search?q=маяк");
  await page.locator("article.post").first().getByRole("button", { name: "Сохранить пост" }).click();
  await page.getByText("Сохранено, можно читать без сети").waitFor();
  await open(page, "/ask");
  await page.getByLabel("О чём спросить каналы?").fill("Когда снова зажгли маяк?");
  await page.keyboard.press("Enter");
  await page.locator("button.cite").first().waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => Boolean(navigator.serviceWorker.controller));
  await onDeviceWait(page, ["answer", "reply", "saved"].map((kind) => `${kind} ${signed.user.tenant_id}/${signed.user.id}`));
  await made.setOffline(true);
  await page.goto(app("/saved"));
  await page.getByText("Маяк на мысе Тихий").waitFor();
  await page.locator(".offline:not([hidden])").waitFor();
  await page.goto(app("/ask"));
  await page.getByLabel("О чём спросить каналы?").fill("Когда снова зажгли маяк?");
  await page.keyboard.press("Enter");
  await page.getByText("Это прошлый ответ на тот же вопрос").waitFor();
  assert.match(await page.locator(".answer-text").innerText(), /14 ноября/);
  await page.getByLabel("О чём спросить каналы?").fill("Что нового в порту?");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Нет связи" }).waitFor();
  await page.goto(app("/channels"));
  await page.getByText(CHANNELS[0].title).first().waitFor();
  await made.setOffline(false);
  await page.locator(".offline").waitFor({ state: "hidden" });
}

async function sessionsEnd(page) {
  const signed = await signedIn(IVAN);
  await sessionPut(page, signed);
  await open(page, "/channels");
  // Somebody ends it elsewhere; the next thing asked for leads to signing in, and back to where one was.
  assert.equal((await api(ivan)("DELETE", `/api/auth/sessions/${signed.session_id}`)).status, 204);
  await page.getByRole("link", { name: "Сохранённое" }).click();
  await page.getByRole("heading", { name: "Спросите свои каналы" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("tga.session")), null);
}

async function renewal(page, made) {
  const signed = await signedIn(IVAN);
  await sessionPut(page, signed);
  await open(page, "/channels");
  const renewed = [];
  page.on("request", (request) => { if (request.url().endsWith("/api/auth/refresh")) renewed.push(request); });
  // Two tabs and several requests at once use the token that is good once one after the other.
  const other = await made.newPage();
  await Promise.all([open(page, "/me"), open(other, "/ask")]);
  await Promise.all([open(page, "/ask"), open(other, "/me")]);
  assert.ok(renewed.length > 0);
  assert.equal((await api(signed)("GET", "/api/users/me")).status, 200, "the session was ended as reused");
}

async function inTelegram(page) {
  const data = initData(world.botToken, VERA, { start_param: "channels" });
  await page.addInitScript(telegramFake);
  const hash = new URLSearchParams({ tgWebAppData: data, tgWebAppVersion: "9.0", tgWebAppPlatform: "ios", tgWebAppThemeParams: JSON.stringify(TELEGRAM_THEME) });
  await page.goto(app(`#${hash}`));
  await page.getByRole("heading", { name: "Каналы", level: 1 }).waitFor();
  await settled(page);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(24, 34, 45)");
  assert.deepEqual(await axe(page), []);
  await page.getByRole("button", { name: "Добавить канал" }).first().click();
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: /Я$/ }).click();
  await page.getByRole("link", { name: "Сеансы" }).click();
  await page.getByRole("heading", { name: "Сеансы", level: 1 }).waitFor();
  assert.equal(await page.evaluate(() => window.fake.back), true, "Telegram's back button is shown");
  assert.equal(await page.locator(".head-back").isVisible(), false);
  await page.evaluate(() => window.fake.press("back"));
  await page.getByRole("heading", { name: "Я", level: 1 }).waitFor();
  // The lock: Telegram's biometrics stand before everything.
  await page.getByRole("switch", { name: /Запирать приложение/ }).check();
  await page.waitForFunction(() => localStorage.getItem("tga.lock") === "true");
  await page.evaluate(() => { sessionStorage.setItem("fake.refuses", "1"); });
  await page.reload();
  await page.getByText("Приложение заперто").waitFor();
  await page.evaluate(() => { sessionStorage.removeItem("fake.refuses"); });
  await page.getByRole("button", { name: "Открыть" }).click();
  await page.getByRole("heading", { level: 1, name: "Я" }).waitFor();
  assert.ok(await page.evaluate(() => window.fake.haptics.length) >= 0);
}

async function passkey(page, made) {
  const client = await made.newCDPSession(page);
  await client.send("WebAuthn.enable");
  await client.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await sessionPut(page, await signedIn(IVAN));
  await open(page, "/me");
  await page.getByRole("button", { name: /Добавить ключ доступа/ }).click();
  await page.getByText("Ключ доступа добавлен").waitFor();
  await page.getByRole("button", { name: "Выйти" }).click();
  await page.locator("dialog").getByRole("button", { name: "Выйти" }).click();
  await page.getByRole("button", { name: /Ключ доступа/ }).click();
  await page.getByRole("heading", { name: "Спросить", level: 1 }).waitFor();
}

async function twoTenants(page) {
  const tenant = world.run("tenant", "create", "Другие");
  const other = { id: 900_100, first_name: "Олег", language_code: "ru" };
  const signed = await signedIn(other, { invite: world.invite("user", 1, tenant.slug) });
  const second = await context();
  try {
    const theirs = await second.newPage();
    await sessionPut(page, await signedIn(IVAN));
    await sessionPut(theirs, signed);
    await open(page, "/channels");
    await page.getByText(CHANNELS[0].title).first().waitFor();
    await theirs.goto(app("/channels"));
    await theirs.getByText("Каналов пока нет").waitFor();
    const id = (await (await api(ivan)("GET", "/api/channels")).json()).channels[0].id;
    second.complaints.length = 0;
    await theirs.goto(app(`/channels/${id}`));
    await theirs.getByText("Этого больше нет или оно не ваше.").first().waitFor();
    assert.ok(!(await theirs.content()).includes(CHANNELS[0].title));
    assert.deepEqual(second.complaints.filter((one) => !/404/.test(one)), []);
  } finally {
    await second.close();
  }
}

async function hostile(page, made) {
  await sessionPut(page, await signedIn(IVAN));
  await made.addInitScript(() => { window.hit = () => { window.wasHit = true; }; });
  await page.goto(app("/channels?add=1"));
  await settled(page);
  await channelAdd(page, "@hostile", CHANNELS[2].title);
  await page.getByText("Прочитано всё").waitFor();
  const clean = async (where) => {
    assert.equal(await page.evaluate(() => window.wasHit ?? false), false, where);
    const made = await page.evaluate(() => [...document.querySelectorAll("#screen script, #screen iframe, #screen object, #screen embed, #screen style, #screen [onerror], #screen [onload], #screen [onclick], #screen [style*=url], #screen a[href^='javascript' i], #screen a[href^='data' i], #screen a[href^='vbscript' i], #screen img:not(.qr)")].map((one) => one.outerHTML));
    assert.deepEqual(made, [], where);
  };
  for (const path of ["/channels", "/tags", `/search?q=${encodeURIComponent("взлом")}`, `/search?q=${encodeURIComponent("<script>")}`, `/ask?q=${encodeURIComponent("что за взлом?")}`, "/saved?show=history", `/tags/${encodeURIComponent("<img src=x onerror=hit()>")}`]) {
    await open(page, path);
    await page.waitForTimeout(300);
    await clean(path);
  }
  const posts = (await (await api(ivan)("GET", "/api/posts?channel=hostile&limit=50")).json()).posts;
  assert.equal(posts.length, HOSTILE.length);
  for (const post of posts) {
    await open(page, `/posts/${post.id}`);
    await clean(post.text);
    const shown = await page.locator(".post-text").innerText();
    assert.equal(shown.replace(/\s+/g, " ").trim(), post.text.replace(/\s+/g, " ").trim());
  }
  await page.evaluate(() => 0);
}

async function english(page) {
  await sessionPut(page, await signedIn(IVAN), "en");
  for (const [path, heading] of [["/ask", "Ask"], ["/channels", "Channels"], ["/tags", "Tags"], ["/saved", "Saved"], ["/me", "Me"], ["/me/data", "My data and consents"], ["/privacy", "Privacy"], ["/search", "Search"]]) {
    await open(page, path, heading);
    const words = (await page.locator(".bar, .head, .section-head, .button").allInnerTexts()).join(" ");
    assert.doesNotMatch(words.replaceAll("Русский", ""), /[а-яё]/i, path);
  }
  await page.goto(app("/me"));
  const told = page.waitForResponse((answer) => answer.url().endsWith("/api/users/me/settings") && answer.request().method() === "PUT");
  await page.getByRole("button", { name: "Русский" }).click();
  await page.getByRole("heading", { name: "Я", level: 1 }).waitFor();
  await told;
  // What is chosen on one device is read on the others.
  const second = await context();
  try {
    const other = await second.newPage();
    await sessionPut(other, await signedIn(IVAN), "en");
    await other.goto(app("/me"));
    await other.getByRole("heading", { name: "Я", level: 1 }).waitFor();
    assert.deepEqual(second.complaints, []);
  } finally {
    await second.close();
  }
}

async function keyboard(page) {
  await sessionPut(page, await signedIn(IVAN));
  await open(page, "/ask", "Спросить");
  await page.keyboard.press("/");
  await focused(page, "#question");
  await page.keyboard.type("Какой ледокол вышел из порта?");
  await page.keyboard.press("Enter");
  await page.locator("button.cite").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  await focused(page, "dialog, dialog *");
  await page.keyboard.press("Escape");
  // The focus comes back to where it was.
  await focused(page, ".cite");
}

async function tagsMerge(page) {
  await sessionPut(page, await signedIn(IVAN));
  await open(page, "/tags", "Теги");
  assert.ok(await page.locator(".cloud a").count() > 2);
  await page.locator(".cloud a").first().click();
  await page.locator("article.post").first().waitFor();
}

async function linkOver(page) {
  await page.goto(app("/enter#nonsense"));
  await page.getByText("Ссылка больше не действует").waitFor();
  assert.equal(new URL(page.url()).hash, "");
  await page.getByRole("link", { name: "Другие способы войти" }).click();
  await page.getByRole("heading", { name: "Спросите свои каналы" }).waitFor();
}

async function leave(page) {
  const signed = await signedIn({ id: 900_200, first_name: "Ненадолго", language_code: "ru" }, { invite: world.invite() });
  await sessionPut(page, signed);
  await open(page, "/me/data");
  await page.getByText("внешние модели администратор не включил").waitFor();
  const exported = page.waitForEvent("download");
  await page.getByRole("button", { name: /Скачать мои данные/ }).click();
  assert.equal((await exported).suggestedFilename(), "telegram-assistant.json");
  const agreed = page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.ok());
  await page.getByRole("switch", { name: /Внешние языковые модели/ }).check();
  await agreed;
  await page.getByRole("button", { name: "Удалить меня" }).click();
  await page.getByLabel(/Введите свой номер/).fill("1");
  await page.getByRole("button", { name: "Удалить навсегда" }).click();
  await page.getByText("Это не ваш номер.").waitFor();
  await page.getByLabel(/Введите свой номер/).fill("900200");
  const receipt = page.waitForEvent("download");
  await page.getByRole("button", { name: "Удалить навсегда" }).click();
  assert.equal((await receipt).suggestedFilename(), "erasure-receipt.json");
  await page.getByRole("heading", { name: "Спросите свои каналы" }).waitFor();
}

try {
  await check("an invite, the code, a password, a channel, an answer, its source, and out", journey, { always: true });
  await adminChecks({ world, check, context, open, signedIn, sessionPut, api });
  ivan = await signedIn(IVAN);
  await signedIn(VERA, { invite: world.invite() });
  await check("each refusal of an invite or a login says why and what to do", refusals, { allow: [/400/] });
  await check("another account that scans the code is logged out and told", otherAccount);
  await check("every page in both themes, narrow and wide", pagesLook);
  await check("320 px are enough for every page and finger", narrow, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
  await check("saved posts and last answers are read without a network", savedOffline, { allow: OFFLINE_NOISE });
  await check("a session that was ended elsewhere leads to signing in", sessionsEnd, { allow: SIGNED_OUT });
  await check("tokens are renewed unseen, by two tabs at once", renewal);
  await versionsChecks({ world, check, open, signedIn, sessionPut });
  await againChecks({ world, check, open, signedIn, sessionPut, api });
  await check("inside Telegram: its colours, buttons, start address and biometrics", inTelegram);
  await check("a passkey is added and signs in", passkey);
  await check("two people of two tenants see nothing of each other", twoTenants);
  await check("hostile posts inject nothing", hostile);
  await alertChecks({ world, check, open, signedIn, sessionPut });
  await check("tags lead to their posts", tagsMerge);
  await check("English is whole", english, { locale: "en-GB" });
  await check("the keyboard alone is enough", keyboard);
  await check("a link that is over says so and leads on", linkOver, { allow: SIGNED_OUT });
  await check("somebody takes their data and leaves", leave);
  await check("the first load is small", async (page, made) => {
    await sessionPut(page, await signedIn(IVAN));
    await firstLoad(page, made, app("/channels"));
  });
  // From here on this person belongs to two tenants.
  await spacesChecks({ world, check, open, signedIn, sessionPut, api });
} finally {
  await stop();
  await world.stop();
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed === 0 ? 0 : 1;
