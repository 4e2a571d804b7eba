import { checkerStart, looks, settled, axe } from "./checker.js";
import { OLGA } from "./admin.js";
import { worldStart, initData } from "./world.js";
const world = await worldStart({ TGA__OPERATORS: `[${OLGA.id}]` });
const { check, stop } = await checkerStart(world.url);
const json = (v) => ({ status: 200, contentType: "application/json", body: JSON.stringify(v) });
const at = new Date(Date.now() - 3600e3).toISOString();
const job = (id) => ({ id, job: "embed_posts", lane: "embed", state: "dead", attempt: 8, attempts_max: 8, enqueued_at: at, reason: "the model file is damaged: expected 120 MB, found 80 MB; run `tga model import` again " + id, tenant_id: "x" });
const M = {
  "/api/admin/dead-letters": { jobs: [job(1), job(2), job(3)], next: null },
  "/api/admin/jobs": { jobs: [{ ...job(9), state: "ready", attempt: 1 }, { ...job(10), state: "claimed", attempt: 2, job: "read_channel" }], next: null },
  "/api/admin/models": { caps: { money_micros_per_day: 50e6, money_micros_per_month: 900e6, tokens_per_day: 0, tokens_per_month: 2e6 }, consents: 3, currency: "RUB", order: ["gigachat", "openai"], settings: { enabled: true, answers: true, tags: true, voice: false, caps: { money_micros_per_day: 50e6, money_micros_per_month: 0, tokens_per_day: 0, tokens_per_month: 0 } }, tagged: { done: 1200, due: 31, failed: 2, skipped: 4 }, used: { money_micros_day: 12.4e6, money_micros_month: 300e6, tokens_day: 12345, tokens_month: 912345 } },
  "/api/admin/models/providers": { providers: [{ provider: "gigachat", host: "gigachat.devices.sberbank.ru", key: "missing", model: "GigaChat-2", used: true }, { provider: "openai", host: "127.0.0.1", key: "tenant", key_updated_at: at, model: "qwen3", used: true }] },
  "/api/operator/models/providers": { providers: [{ provider: "gigachat", host: "gigachat.devices.sberbank.ru", key: "operator", key_updated_at: at, model: "GigaChat-2", used: true }] },
  "/api/admin/models/spend": { currency: "RUB", rows: Array.from({ length: 9 }, (_, n) => ({ day: `2026-11-${20 - n}`, feature: n % 2 ? "tags" : "answers", model: "GigaChat-2", provider: "gigachat", calls: 10 + n, tokens_in: 1000 * n, tokens_out: 200, money_micros: 1e6 * (9 - n) })) },
  "/api/admin/retention": { posts_days: 365, posts_days_default: 0, own: true, posts_due: 120, next_at: at, last_at: at, channels: [{ channel_id: 1, title: "Северск сегодня", posts_days: null, posts: 120 }, { channel_id: 2, title: "Портовик", posts_days: 30, posts: 12 }] },
  "/api/operator/backups": { backups: [{ name: "a", created_at: at, bytes: 5e7, key: "k", tenants: 1, posts: 1200, verified_at: at }, { name: "b", created_at: at, bytes: 5e5, key: "k", tenants: 1, posts: 1100, problem: "control.db: the page 7 is damaged" }, { name: "c", created_at: at, bytes: 5e5, key: "k" }], total: 3, place: "/var/lib/tga/backups", running: false, next_at: at, last_success_at: at, last_restorable_at: at },
};
await check("look", async (page, made) => {
  const answer = await fetch(`${world.url}/api/auth/telegram-webapp`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ init_data: initData(world.botToken, OLGA), invite_code: world.invite("admin") }) });
  const signed = await answer.json();
  await made.addInitScript((kept) => { if (!localStorage.getItem("tga.began")) { localStorage.setItem("tga.session", kept); localStorage.setItem("tga.began", "1"); localStorage.setItem("tga.language", "ru"); } }, JSON.stringify({ refresh: signed.refresh_token, id: signed.session_id, user: signed.user, tenants: signed.tenants, operator: true }));
  await page.route("**/api/auth/refresh", async (route) => { const r = await route.fetch(); const b = await r.json(); b.operator = true; await route.fulfill({ response: r, json: b }); });
  for (const [path, value] of Object.entries(M)) await page.route((url) => url.pathname === path, (route) => route.fulfill(json(value)));
  await page.route((url) => url.pathname === "/api/admin/stats", async (route) => { const r = await route.fetch(); const b = await r.json(); b.dead_letters = 3; b.content = { posts: 12345, indexed: 12345, embedded: 9000, model: "e5-small-q4", rebuilding: false }; b.questions = 321; b.jobs = 17; for (const [n, d] of b.days.entries()) { d.questions = (n * 7) % 13; d.posts = (n * 31) % 90; d.abstained = n % 3; } for (const [n, d] of b.hours.entries()) { d.latency_p50_ms = n % 5 ? 100 + n * 3 : null; d.latency_p95_ms = n % 5 ? 300 + n * 20 : null; d.jobs = (n * 5) % 40; } await route.fulfill({ response: r, json: b }); });
  for (const name of (process.env.PAGES ?? "today,jobs,models,retention,backups,installation,events,people").split(",")) {
    await page.goto(`${world.url}/app/admin/${name}`);
    await settled(page);
    await looks(page, `look-${name}`).catch((error) => console.log(String(error)));
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(`${world.url}/app/admin/${name}`);
    await settled(page);
    await page.screenshot({ path: `${process.env.TGA_SHOTS}/look-${name}-full.png`, fullPage: true });
    await page.setViewportSize({ width: 390, height: 844 });
  }
  for (const [name, button, shot] of [["jobs", /embed_posts/, "jobsheet"], ["models", /OpenAI/, "keysheet"], ["models", /Изменить/, "capsheet"], ["retention", /Портовик/, "keepsheet"]]) {
    await page.goto(`${world.url}/app/admin/${name}`); await settled(page);
    await page.getByRole("button", { name: button }).first().click();
    await page.locator("dialog").waitFor();
    console.log(shot, await axe(page));
    await page.screenshot({ path: `${process.env.TGA_SHOTS}/look-${shot}.png` });
    if (shot === "keysheet") { await page.getByLabel("Ключ").fill("sk-1"); await page.keyboard.press("Tab"); }
  }
});
await stop(); await world.stop();
