// Somebody of two tenants goes from one to the other without signing out, and nothing of one is seen in the other. Run by app.js in
// its world, after the checks that sign the same person in without saying where.

import assert from "node:assert/strict";
import { CHANNELS, IVAN } from "./cast.js";
import { onDevice, onDeviceWait, settled } from "./checker.js";

const QUESTION = "Какой ледокол вышел из порта?";
const THERE = "Второе место";

/** `harness` is what app.js drives its own checks with. */
export async function spacesChecks({ world, check, open, signedIn, sessionPut, api }) {
  const address = (path) => `${world.url}/app${path}`;
  const sessionOf = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("tga.session")));

  /** Goes over as a person does; the first screen of where they came to is there. */
  async function over(page, name) {
    await open(page, "/me", "Я");
    await page.getByRole("button", { name }).click();
    await page.getByText(`Теперь вы в пространстве «${name}»`).waitFor();
    await page.getByRole("heading", { name: "Спросить", level: 1 }).waitFor();
    await settled(page);
  }

  async function overAndBack(page, made) {
    const home = (await signedIn(IVAN)).tenants[0];
    const tenant = world.run("tenant", "create", THERE);
    await signedIn(IVAN, { invite: world.invite("user", 1, tenant.slug) });
    const signed = await signedIn(IVAN, { tenant_id: home.tenant_id });
    const mine = `${home.tenant_id}/${home.user_id}`;
    await sessionPut(page, signed);
    // What of the first lies on the device: lists, an answer, a saved post.
    await open(page, "/ask");
    await page.getByLabel("О чём спросить каналы?").fill(QUESTION);
    await page.keyboard.press("Enter");
    await page.locator(".answer[aria-live=polite] button.cite").first().waitFor();
    await open(page, "/search?q=ледокол");
    await page.locator("article.post").first().getByRole("button", { name: "Сохранить пост" }).click();
    await page.getByText("Сохранено, можно читать без сети").waitFor();
    await open(page, "/saved");
    await page.locator("article.post").first().waitFor();
    await open(page, "/channels");
    await page.getByText(CHANNELS[0].title).first().waitFor();
    await onDeviceWait(page, ["answer", "reply", "saved"].map((kind) => `${kind} ${mine}`));
    const tab = await made.newPage();
    await tab.goto(address("/channels"));
    await tab.getByText(CHANNELS[0].title).first().waitFor();

    await over(page, THERE);
    const there = await sessionOf(page);
    assert.equal(there.id, signed.session_id, "it is another session");
    assert.notEqual(there.user.tenant_id, home.tenant_id);
    assert.equal((await api(signed)("GET", "/api/users/me")).status, 401, "the token of the tenant before still opens it");
    // The other tab goes with it, and shows nothing of the one before.
    await tab.getByRole("heading", { name: "Спросить", level: 1 }).waitFor();
    await settled(tab);
    const nothing = async (where) => {
      const shown = await where.locator("#screen").innerText();
      for (const text of [CHANNELS[0].title, CHANNELS[1].title, QUESTION, "ледокол"]) assert.ok(!shown.includes(text), `${where.url()} shows ${text}`);
    };
    await nothing(tab);
    for (const one of [page, tab]) {
      for (const path of ["/ask", "/channels", "/saved", "/saved?show=history", "/search?q=ледокол", "/tags"]) {
        await open(one, path);
        // What is looked for stands in the field, which is no text of the screen.
        await nothing(one);
      }
    }
    const left = (await onDevice(page)).filter(([kind]) => kind.endsWith(mine) && !kind.startsWith("renewed"));
    assert.deepEqual(left, [], "something of the tenant before lies on the device");
    // Without a network too: what is kept is of this tenant only.
    await open(page, "/channels");
    await made.setOffline(true);
    for (const path of ["/channels", "/saved", `/ask?q=${encodeURIComponent(QUESTION)}`]) {
      await page.goto(address(path));
      await settled(page);
      assert.ok(!(await page.locator("#screen").innerText()).includes(CHANNELS[0].title), `${path} shows what was kept of the tenant before`);
      assert.equal(await page.locator("article.post, button.cite").count(), 0, path);
    }
    await made.setOffline(false);
    await page.locator(".offline").waitFor({ state: "hidden" });

    await over(page, home.name);
    assert.equal((await sessionOf(page)).user.id, home.user_id);
    await open(page, "/channels");
    await page.getByText(CHANNELS[0].title).first().waitFor();
    await open(page, "/saved");
    await page.locator("article.post").first().waitFor();
  }

  await check("spaces: somebody of two tenants goes over and back, and neither shows in the other", overAndBack, { allow: [/401/, /ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/] });
}
