// An alert's whole life: made from a search, its hours, a post it finds, its end.

import assert from "node:assert/strict";
import { focused, looks, settled, until } from "./checker.js";
import { CHANNELS, IVAN } from "./cast.js";

/** A window that becomes wide gets the list beside the form, which stays with what is typed in it; and the other way round. */
async function keepsTyped(page, field) {
  const narrow = page.viewportSize();
  const back = page.getByRole("button", { name: "Назад" });
  await field.fill("05:45");
  for (const [width, panes] of [[1280, 2], [narrow.width, 1], [1000, 2], [narrow.width, 1]]) {
    await page.setViewportSize({ width, height: narrow.height });
    await until(async () => (await page.locator(".pane").count()) === panes, `there are not ${panes} panes at ${width} px`);
    await settled(page);
    assert.equal(await field.inputValue(), "05:45");
    assert.equal(await back.count(), panes === 1 ? 1 : 0, `the back button at ${width} px`);
    await focused(page, "input[type=time]");
  }
}

export async function alertChecks({ world, check, open, signedIn, sessionPut }) {
  await check("an alert is made from a search, finds a new post and goes", async (page) => {
    await sessionPut(page, await signedIn(IVAN));
    await open(page, "/search?q=буксир");
    await page.getByRole("button", { name: "Сообщать о новом" }).click();
    await page.getByText(/За неделю нашлось бы 2 поста/).waitFor();
    const [from, till] = [page.getByLabel("С", { exact: true }), page.getByLabel("До", { exact: true })];
    await keepsTyped(page, till);
    await looks(page, "alert-new");
    await from.fill("");
    await till.fill("21:30");
    assert.equal(await from.inputValue(), "23:00");
    await from.fill("21:30");
    await page.getByRole("button", { name: "Создать оповещение" }).click();
    await page.getByText("Начало и конец совпадают").waitFor();
    await till.fill("07:15");
    await page.getByRole("button", { name: "Создать оповещение" }).click();
    await page.getByRole("link", { name: /буксир/ }).waitFor();
    await looks(page, "alerts");
    await page.getByRole("link", { name: /буксир/ }).click();
    await till.waitFor();
    assert.deepEqual([await from.inputValue(), await till.inputValue()], ["21:30", "07:15"]);
    // A new post that fits is found, and the bot tells of it, if it may write at this hour: the night is switched off.
    await page.getByRole("switch", { name: /Не беспокоить ночью/ }).uncheck();
    await till.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Сохранить", exact: true }).click();
    await page.getByText("Оповещение сохранено").first().waitFor();
    await world.tell({ do: "post", channel: CHANNELS[1].id, text: "Третий буксир «Богатырь» пришёл в порт своим ходом." });
    await until(async () => {
      await open(page, "/saved?show=alerts");
      await page.getByRole("link", { name: /буксир/ }).click();
      await settled(page);
      return (await page.locator("article.post", { hasText: "Богатырь" }).count()) > 0;
    }, "the alert finds nothing");
    await page.getByRole("button", { name: "Удалить оповещение" }).click();
    await page.locator("dialog").getByRole("button", { name: "Удалить оповещение" }).click();
    await page.getByText("Оповещений нет").waitFor();
  });
}
