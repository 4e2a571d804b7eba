// The bot of the real binary against a Bot API server that is not ours: npm's telegram-test-api. Prints "N passed, N failed".
//
// In Russian and in English a stranger comes in by an invite, says every command of the menu and presses every button that comes
// back; each must be answered by words that are there. What that server leaves out of the protocol is completed on the way (its
// getMe has no is_bot, an edit answers null, a callback has no chat_instance), so what is checked is ours, not its gaps.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import TelegramServer from "telegram-test-api";

const TOKEN = "424242:AAforeignAAforeignAAforeignAAforeign";
const ANSWER_MS = 60_000;
const LOOK_EVERY_MS = 50;
// What leads out of the bot or deletes the person is not pressed; one button of a kind is enough.
const NOT_PRESSED = /^[0-9a-f]+\.(dely|lang):?/;
const PRESSED_MAX = 60;
// One person may say so much a minute; the rest is said by the next person.
const SAID_PER_PERSON = 50;

const binary = resolve(process.env.TGA_RELEASE_BIN ?? "../../target/release/tga");
const dir = mkdtempSync(join(tmpdir(), "tga-e2e-bot-"));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Listens on a port that is free; the port. */
async function listened(server) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server.address().port;
}

async function portFree() {
  const server = createServer();
  const port = await listened(server);
  await new Promise((done) => server.close(done));
  return port;
}

/** The foreign server, and before it what it leaves out. */
async function botApiStart() {
  const port = await portFree();
  const server = new TelegramServer({ port, host: "127.0.0.1", storeTimeout: 600 });
  await server.start();
  const menus = {};
  const complete = {
    getMe: (answer) => ({ ...answer, result: { id: 424242, is_bot: true, first_name: "Assistant", username: "assistant_bot",
      can_join_groups: false, can_read_all_group_messages: false, supports_inline_queries: false, can_connect_to_business: false,
      has_main_web_app: false } }),
    answerCallbackQuery: () => ({ ok: true, result: true }),
    editMessageText: (_, asked) => ({ ok: true, result: { message_id: Number(asked.message_id), date: 1, chat: { id: Number(asked.chat_id), type: "private" }, text: "edited" } }),
    sendMessage: (answer) => ({ ...answer, result: { ...answer.result, date: Math.floor(answer.result.date / 1000), entities: undefined } }),
    getUpdates: (answer) => ({ ...answer, result: answer.result.map((update) => update.callback_query
      ? { ...update, callback_query: { ...update.callback_query, chat_instance: "1" } } : update) }),
  };
  const missing = {
    getWebhookInfo: () => ({ ok: true, result: { url: "", has_custom_certificate: false, pending_update_count: 0 } }),
    setMyCommands: (asked) => { menus[asked.language_code ?? ""] = asked.commands; return { ok: true, result: true }; },
  };
  const before = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const asked = request.headers["content-type"]?.startsWith("application/json") && body.length ? JSON.parse(body) : {};
    const method = Object.keys({ ...complete, ...missing }).find((name) => request.url.toLowerCase().endsWith(`/${name.toLowerCase()}`));
    let answer = missing[method]?.(asked);
    if (!answer) {
      // That server knows methods in one spelling only.
      const url = method ? request.url.replace(/[^/]+$/, method) : request.url.replace(/[^/]+$/, (name) => name[0].toLowerCase() + name.slice(1));
      const given = await fetch(`http://127.0.0.1:${port}${url}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked) });
      answer = await given.json();
      if (answer.ok && complete[method]) answer = complete[method](answer, asked);
    }
    // It does not wait for updates as it is asked to.
    if (method === "getUpdates" && answer.result?.length === 0) await sleep(100);
    response.writeHead(answer.ok ? 200 : 400, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  const proxy = await listened(before);
  return { server, menus, url: `http://127.0.0.1:${proxy}`, stop: async () => { before.closeAllConnections(); before.close(); await server.stop(); } };
}

/** Somebody at the bot: says and presses, and waits for what comes of it. */
class Talker {
  constructor(api, id, language) {
    this.api = api;
    this.client = api.server.getClient(TOKEN, { userId: id, chatId: id, firstName: "Anna", userName: `reader${id}`, timeout: ANSWER_MS });
    this.id = id;
    this.from = { from: { language_code: language } };
  }

  /** The messages of this chat, as that server keeps them. */
  shown() {
    return this.api.server.storage.botMessages.filter((one) => String(one.message.chat_id) === String(this.id));
  }

  /** Waits until the chat shows something new, or shows something else than before. */
  async #changed(before, what) {
    const until = Date.now() + ANSWER_MS;
    while (Date.now() < until) {
      const now = this.shown();
      const fresh = now.filter((one, at) => JSON.stringify(one.message) !== before[at]);
      if (fresh.length) return fresh.map((one) => ({ id: one.messageId, ...one.message }));
      await sleep(LOOK_EVERY_MS);
    }
    throw new Error(`nothing was answered to ${what}`);
  }

  async say(text) {
    const before = this.shown().map((one) => JSON.stringify(one.message));
    if (text.startsWith("/")) await this.client.sendCommand(this.client.makeCommand(text, this.from));
    else await this.client.sendMessage(this.client.makeMessage(text, this.from));
    return this.#changed(before, text);
  }

  async press(message, data) {
    await this.client.sendCallback(this.client.makeCallbackQuery(data, { ...this.from, message: { message_id: message, date: 1, text: "x" } }));
  }
}

let passed = 0;
let failed = 0;

async function check(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n     ${error.message}`);
  }
}

const api = await botApiStart();
const port = await portFree();
const env = { ...process.env, BOT_TOKEN: TOKEN, TGA__BOT__API_URL: api.url, TGA__DATA_DIR: join(dir, "data"),
  TGA__SERVER__LISTEN: `127.0.0.1:${port}`, TGA__METRICS__LISTEN: "" };
const run = (...args) => JSON.parse(execFileSync(binary, ["--json", ...args], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] }));
run("init");
let log = "";
const service = spawn(binary, ["serve"], { cwd: dir, env, stdio: ["ignore", "ignore", "pipe"] });
service.stderr.on("data", (piece) => { log = (log + piece).slice(-6000); });

try {
  const words = { ru: /[а-яё]/i, en: /[a-z]/i };
  for (const [index, language] of ["ru", "en"].entries()) {
    let said = 0;
    let people = 0;
    // Whoever has said enough for a minute hands over to somebody else.
    const member = async () => {
      const who = new Talker(api, 9000 + index * 100 + people++, language);
      said = 0;
      const code = run("invite", "create", "--tenant", "main", "--role", "admin", "--limit", "1").code;
      await who.say(`/start ${code}`);
      return who;
    };
    const right = (answers, what) => {
      for (const answer of answers) {
        if (!words[language].test(answer.text)) throw new Error(`${what}: no ${language} words in ${answer.text}`);
        if (answer.parse_mode !== "HTML") throw new Error(`${what}: not sent as HTML`);
      }
    };
    await check(`${language}: a stranger reads what this is, and comes in by a code`, async () => {
      const stranger = new Talker(api, 9050 + index * 100, language);
      right(await stranger.say("/start"), "/start");
      right(await stranger.say("hello?"), "hello?");
      const code = run("invite", "create", "--tenant", "main", "--limit", "1").code;
      right(await stranger.say(code), "the code");
    });
    const buttons = new Map();
    const collect = (answers) => {
      for (const answer of answers)
        for (const button of (answer.reply_markup?.inline_keyboard ?? []).flat())
          if (button.callback_data && !NOT_PRESSED.test(button.callback_data)) {
            const kind = button.callback_data.replace(/^[0-9a-f]+\./, "").replace(/\d+/g, "N");
            if (!buttons.has(kind)) buttons.set(kind, { id: answer.id, data: button.callback_data, pressed: false });
          }
    };
    let who;
    await check(`${language}: every command of the menu is answered`, async () => {
      who = await member();
      const menuNow = () => api.menus[language === "ru" ? "ru" : ""];
      // The bot tells Telegram its menu beside answering.
      for (const until = Date.now() + ANSWER_MS; !menuNow() && Date.now() < until;) await sleep(LOOK_EVERY_MS);
      const menu = menuNow();
      if (!menu || menu.length < 20) throw new Error(`the menu is ${JSON.stringify(menu)}`);
      const names = [...menu.map((one) => one.command), "admin", "admin_users", "admin_stats", "admin_invite"];
      // A file is sent by a method that this server does not have.
      for (const name of names.filter((name) => name !== "export")) {
        if (++said > SAID_PER_PERSON) who = await member();
        const answers = await who.say(`/${name}`);
        right(answers, name);
        collect(answers);
      }
      for (const text of ["/alerts ледокол", "/search ледокол", "/recommend ледокол", "когда откроют метро?", "/nonsense"]) {
        const answers = await who.say(text);
        right(answers, text);
        collect(answers);
      }
    });
    await check(`${language}: every button is obeyed`, async () => {
      for (let pressed = 0; pressed < PRESSED_MAX; pressed += 1) {
        const next = [...buttons.values()].find((button) => !button.pressed);
        if (!next) break;
        next.pressed = true;
        const chat = who.shown().length;
        await who.press(next.id, next.data.replace(/^[0-9a-f]+/, who.id.toString(16)));
        await sleep(20);
        if (who.shown().length > chat) collect(who.shown().slice(chat).map((one) => ({ id: one.messageId, ...one.message })));
        if (++said > SAID_PER_PERSON) who = await member();
      }
      // Everything that was pressed is handled before this is answered: one person's updates are handled in order.
      right(await who.say("/menu"), "/menu");
      if (buttons.size < 15) throw new Error(`only ${buttons.size} kinds of buttons: ${[...buttons.keys()]}`);
    });
  }
  await check("nothing was given up", async () => {
    const health = await fetch(`http://127.0.0.1:${port}/health/bot`).then((answer) => answer.json());
    const { updates_dead: updates, messages_dead: messages, username } = health;
    if (updates !== 0 || messages !== 0 || username !== "assistant_bot") throw new Error(JSON.stringify(health));
  });
} finally {
  service.kill("SIGTERM");
  await new Promise((done) => (service.exitCode === null ? service.once("exit", done) : done()));
  await api.stop();
  rmSync(dir, { recursive: true, force: true });
}
if (failed) console.log(log);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
