// The admin screens as admins and operators meet them. Run by app.js in its world, with the people it made.

import assert from "node:assert/strict";
import { axe, looks, settled } from "./checker.js";

/** Runs the installation and is an admin; an admin of the tenant only; two readers, one with a name that wants to be code. */
export const OLGA = { id: 100_200_310, first_name: "Ольга", username: "olga", language_code: "ru" };
const BORIS = { id: 100_200_311, first_name: "Борис", language_code: "ru" };
const PYOTR = { id: 100_200_312, first_name: "Пётр", last_name: "Читатель", username: "pyotr", language_code: "ru" };
const HOSTILE_NAME = { id: 100_200_313, first_name: "<img src=x onerror=hit()>", last_name: "<script>hit()</script>", language_code: "ru" };
const SHOTS = process.env.TGA_SHOTS;
const NOTES = "друзья <b onclick=hit()>";

const PAGES = [["today", "/admin/today"], ["people", "/admin/people"], ["invites", "/admin/invites"], ["jobs", "/admin/jobs"], ["links", "/admin/links"], ["flags", "/admin/flags"],
  ["events", "/admin/events"], ["logins", "/admin/events?show=logins"], ["feedback", "/admin/events?show=feedback"], ["consents", "/admin/events?show=consents"], ["models", "/admin/models"], ["retention", "/admin/retention"], ["backups", "/admin/backups"], ["installation", "/admin/installation"]];

/** `harness` is what app.js drives its own checks with. */
export async function adminChecks({ world, check, context, open, signedIn, sessionPut, api }) {
  const olga = async () => signedIn(OLGA, { invite: world.invite("admin") });
  const json = async (answer) => (await answer).json();

  async function invites(page, made) {
    const admin = await olga();
    await sessionPut(page, admin);
    await made.addInitScript(() => { window.hit = () => { window.wasHit = true; }; });
    await open(page, "/me", "Я");
    await page.getByRole("link", { name: "Приглашения" }).click();
    await page.getByRole("button", { name: "Новое приглашение" }).first().click();
    await page.getByLabel("Сколько человек впустит").fill("-1");
    await page.getByRole("button", { name: "Создать", exact: true }).click();
    await page.getByText("Целое число от 0 до").waitFor();
    await page.getByLabel("Сколько человек впустит").fill("2");
    await page.getByLabel("Для кого").fill(NOTES);
    await page.getByRole("button", { name: "Создать", exact: true }).click();
    await page.waitForURL(/\/admin\/invites\/[A-Z0-9]{12}$/);
    const code = new URL(page.url()).pathname.split("/").at(-1);
    await page.waitForFunction(() => document.querySelector("img.qr")?.naturalWidth > 0);
    await page.getByText(NOTES).first().waitFor();
    await page.getByText(`${world.url}/app?invite=${code}`).waitFor();
    await looks(page, "admin-invite");
    for (const somebody of [PYOTR, HOSTILE_NAME]) await signedIn(somebody, { invite: code });
    await open(page, `/admin/invites/${code}`);
    await page.getByText(`Telegram ${PYOTR.id}`).waitFor();
    await page.getByText("использовано 2 из 2").first().waitFor();
    await page.getByRole("button", { name: "Отозвать" }).click();
    await page.locator("dialog").getByRole("button", { name: "Отозвать" }).click();
    await page.getByText("Приглашение отозвано").first().waitFor();
    assert.equal(world.run("invite", "get", "--code", code).active, false);
    // The names are read as they are written.
    await open(page, "/admin/people", "Люди");
    await page.getByText(HOSTILE_NAME.first_name).first().waitFor();
    assert.equal(await page.evaluate(() => window.wasHit ?? false), false);
  }

  async function person(page) {
    const admin = await olga();
    const theirs = await signedIn(PYOTR, { invite: world.invite() });
    await sessionPut(page, admin);
    await open(page, "/admin/people", "Люди");
    await page.getByLabel("Имя или ник").fill("pyo");
    await page.waitForFunction(() => document.querySelectorAll("a.row[href^='/app/admin/people/']").length === 1);
    await page.getByRole("link", { name: /Пётр/ }).click();
    await page.getByRole("heading", { name: "Пётр Читатель", level: 1 }).waitFor();
    await settled(page);
    await looks(page, "admin-person");
    const path = `/api/admin/users/${theirs.user.id}`;
    const now = async () => json(api(admin)("GET", path));
    // What is pressed looks pressed at once; it is done when the page has asked anew after that.
    const press = async (name) => {
      let told = false;
      const shown = page.waitForResponse((answer) => {
        told ||= answer.request().method() === "PUT";
        return told && answer.request().method() === "GET" && new URL(answer.url()).pathname === path;
      });
      await page.getByRole("button", { name }).click();
      await shown;
      await settled(page);
    };
    await press("Premium");
    assert.equal((await now()).tier, "premium");
    // Somebody else is quicker: nothing is changed, and the page says how it is now.
    assert.equal((await api(admin)("PUT", `${path}/tier`, { tier: "basic", version: (await now()).version })).status, 200);
    await page.getByRole("button", { name: "Enterprise" }).click();
    await page.getByText("Кто-то уже изменил это").waitFor();
    assert.equal((await now()).tier, "basic");
    await page.locator("button[aria-pressed=true]", { hasText: "Basic" }).waitFor();
    await press("администратор");
    assert.equal((await now()).role, "admin");
    await press("участник");
    assert.equal((await now()).role, "user");
    await page.getByRole("button", { name: "Завершить все сеансы" }).click();
    await page.locator("dialog").getByRole("button", { name: "Завершить все сеансы" }).click();
    await page.getByText(/Заверш[а-яё]+ \d+ сеанс/).waitFor();
    assert.equal((await api(theirs)("GET", "/api/users/me")).status, 401);
    await open(page, "/admin/events", "Журналы");
    await page.getByText("Сеансы завершены").first().waitFor();
    await page.getByText("Роль изменена").first().click();
    await page.locator("dialog").getByText(`user:${theirs.user.id}`).waitFor();
    await page.keyboard.press("Escape");
  }

  async function switches(page) {
    const admin = await olga();
    await sessionPut(page, admin);
    await open(page, "/admin/links", "Страницы по ссылкам");
    await page.getByRole("switch", { name: /Читать страницы/ }).check();
    await page.getByText("Страницы читаются").waitFor();
    assert.equal((await json(api(admin)("GET", "/api/admin/links"))).enabled, true);
    await page.getByRole("switch", { name: /Читать страницы/ }).uncheck();
    await page.getByText("Страницы больше не читаются").waitFor();
    const streamed = async (who = "admin") => (await json(api(admin)("GET", `/api/${who}/flags`))).flags.find(({ flag }) => flag === "streamed_answers");
    await page.emulateMedia({ reducedMotion: "reduce" });
    await open(page, "/admin/flags", "Флаги и опыты");
    const flag = page.locator(".section", { hasText: "Для всех участников" }).getByRole("button", { name: /Ответы по частям/ });
    await flag.click();
    assert.deepEqual(await axe(page), []);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/admin-flag.png` });
    await page.getByLabel("У скольких участников из ста").fill("30");
    await page.getByRole("button", { name: "Задать долю" }).click();
    await page.getByText("у 30 %").first().waitFor();
    assert.equal((await streamed()).percent, 30);
    await flag.click();
    await page.getByLabel("Номер участника").fill(String(admin.user.id));
    await page.getByRole("button", { name: "Задать для участника" }).click();
    // The word of the change before may still stand there.
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.deepEqual((await streamed()).rules.filter(({ scope }) => scope === "user").map(({ user_id, percent }) => [user_id, percent]), [[admin.user.id, 100]]);
    await settled(page);
    await flag.click();
    await page.locator("dialog").getByRole("button", { name: "Снять" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await settled(page);
    await flag.click();
    await page.locator("dialog").getByRole("button", { name: /как обычно/ }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await settled(page);
    assert.deepEqual((await streamed()).rules, []);
    // The installation's rule is the operator's.
    await page.locator(".section", { hasText: "Для всей установки" }).getByRole("button", { name: /Поиск по смыслу/ }).click();
    await page.locator("dialog").getByRole("button", { name: "включено", exact: true }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    const all = (await json(api(admin)("GET", "/api/operator/flags"))).flags.find((one) => one.flag === "vector_search");
    assert.equal(all.rules.find(({ scope }) => scope === "installation")?.percent, 100);
  }

  async function pagesLook(page) {
    const admin = await olga();
    await sessionPut(page, admin);
    for (const [name, path] of PAGES) {
      await open(page, path);
      await looks(page, `admin-${name}`);
    }
    // The value of the day under the finger, and the same in a table behind.
    await open(page, "/admin/today", "Сегодня");
    const chart = page.locator("figure.chart", { hasText: "Посты" }).first();
    await chart.locator("svg").scrollIntoViewIfNeeded();
    const box = await chart.locator("svg").boundingBox();
    await page.mouse.move(box.x + box.width - 2, box.y + 20);
    const shown = await chart.locator("output").innerText();
    const last = chart.locator("table tr").last();
    assert.equal(shown, await last.locator("td").textContent());
    assert.equal(await chart.locator("small").innerText(), await last.locator("th").textContent());
    assert.ok((await chart.locator("table tr").count()) >= 7);
    const below = await page.evaluate(() => document.documentElement.scrollHeight - document.querySelector("#screen").getBoundingClientRect().bottom - scrollY);
    assert.ok(below < 50, `the page goes on for ${below} px below its end`);
    for (const path of PAGES.map(([, one]) => one)) {
      await page.setViewportSize({ width: 320, height: 640 });
      await open(page, path);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${path} scrolls sideways at 320 px`);
    }
  }

  async function strangers(page) {
    await sessionPut(page, await signedIn(PYOTR, { invite: world.invite() }));
    await open(page, "/me", "Я");
    assert.equal(await page.getByText("Управление").count(), 0);
    await open(page, "/admin/people", "Спросить");
    // An admin of the tenant is none of the installation.
    const second = await context();
    try {
      const other = await second.newPage();
      await sessionPut(other, await signedIn(BORIS, { invite: world.invite("admin") }));
      await open(other, "/me", "Я");
      await other.getByText("Управление").waitFor();
      assert.equal(await other.getByRole("link", { name: "Установка" }).count(), 0);
      await open(other, "/admin/installation", "Спросить");
      await open(other, "/admin/flags", "Флаги и опыты");
      assert.equal(await other.getByText("Для всей установки").count(), 0);
      assert.deepEqual(second.complaints, []);
    } finally {
      await second.close();
    }
  }

  async function english(page) {
    await sessionPut(page, await olga(), "en");
    for (const [, path] of PAGES) {
      await open(page, path);
      const words = (await page.locator(".head, .section-head, .button, .choice, .note, figcaption, th").allInnerTexts()).join(" ");
      assert.doesNotMatch(words.replaceAll(OLGA.first_name, ""), /[а-яё]/i, path);
    }
  }

  await check("admin: an invite is made, shared, used and revoked", invites);
  await check("admin: a person gets a tier and a role, and their sessions end", person, { allow: [/409/] });
  await check("admin: links and flags are switched", switches);
  await check("admin: every page in both themes, narrow and wide", pagesLook);
  await check("admin: nobody else sees these pages", strangers);
  await check("admin: English is whole", english, { locale: "en-GB" });
}
