// The real service for the browser, with a Telegram of its own: `tga serve` in a directory of its own, the test data centre and the
// Bot API server beside it (the process `e2e_world` of the Rust tests).
//
// TGA_RELEASE_BIN names the program, TGA_E2E_WORLD the compiled Rust tests. Everything is removed on stop, also when the start fails.

import { execFileSync, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const START_TIMEOUT_MS = 180_000;
/** How often a code is read anew that was over before it was scanned. */
const SCANS_MAX = 5;
const STOP_TIMEOUT_MS = 15_000;
const READY_EVERY_MS = 50;

async function portFree() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function ended(child) {
  if (!child || child.exitCode !== null) return;
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}

/** The outside world: `environment` for the service, `tell(command)` → its answer. */
async function outsideStart() {
  const program = process.env.TGA_E2E_WORLD;
  if (!program) throw new Error("TGA_E2E_WORLD names no program; tests/run.sh sets it");
  const child = spawn(program, ["--ignored", "--exact", "e2e_world::e2e_world", "--nocapture"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  let over = null;
  child.once("exit", (code) => { over = new Error(`the outside world ended with ${code}`); for (const one of waiting.splice(0)) one.failed(over); });
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{")) waiting.shift()?.done(JSON.parse(line));
  });
  const answer = () => new Promise((done, failed) => {
    if (over) failed(over);
    else waiting.push({ done, failed });
  });
  const first = await answer();
  const tell = (command) => {
    const told = answer();
    child.stdin.write(`${JSON.stringify(command)}\n`);
    return told;
  };
  return { ...first, tell, stop: () => ended(child) };
}

/** Starts everything; `set` adds to the service's environment. */
export async function worldStart(set = {}) {
  const binary = resolve(process.env.TGA_RELEASE_BIN ?? "../../target/release/tga");
  const dir = mkdtempSync(join(tmpdir(), "tga-e2e-"));
  let outside;
  let service;
  let port;
  const stop = async () => {
    await ended(service);
    await outside?.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    outside = await outsideStart();
    port = await portFree();
    const env = { ...process.env, ...outside.environment, TGA__DATA_DIR: join(dir, "data"), TGA__SERVER__LISTEN: `127.0.0.1:${port}`, TGA__METRICS__LISTEN: "",
      TGA__SERVER__PUBLIC_URL: `http://localhost:${port}`,
      // One person does here in a minute what many do in an hour, the more the faster the machine is.
      TGA__LIMITS__IP_QR_STARTS_PER_MINUTE: "0", TGA__LIMITS__IP_SIGN_INS_PER_MINUTE: "0", TGA__LIMITS__IP_PER_MINUTE: "0",
      TGA__LIMITS__USER_PER_MINUTE: "0", TGA__LIMITS__USER_COSTLY_PER_MINUTE: "0", TGA__LIMITS__TENANT_PER_MINUTE: "0",
      TGA__TELEGRAM__REQUESTS_PER_MINUTE: "10000", ...set };
    const run = (...args) => JSON.parse(execFileSync(binary, ["--json", ...args], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] }));
    run("init");
    const serve = async () => {
      let log = "";
      service = spawn(binary, ["serve"], { cwd: dir, env, stdio: ["ignore", "ignore", "pipe"] });
      service.stderr.on("data", (piece) => { log = (log + piece).slice(-4000); });
      const until = Date.now() + START_TIMEOUT_MS;
      for (;;) {
        if (service.exitCode !== null || Date.now() > until) throw new Error(`tga serve is not ready\n${log}`);
        const ready = await fetch(`http://127.0.0.1:${port}/ready`).then((answer) => answer.ok, () => false);
        if (ready) return;
        await new Promise((done) => setTimeout(done, READY_EVERY_MS));
      }
    };
    await serve();
    const invite = (role = "user", limit = 1, tenant = "main") =>
      run("invite", "create", "--tenant", tenant, "--role", role, "--limit", String(limit), "--expires", "2099-01-01T00:00:00Z").code;
    return { url: `http://localhost:${port}`, tell: outside.tell, botToken: outside.bot_token, run, invite, stop, binary, dir,
      serviceStop: () => ended(service), serviceStart: serve };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `initData` as Telegram makes it for this bot. */
export function initData(botToken, user, more = {}) {
  const fields = { auth_date: String(Math.floor(Date.now() / 1000)), query_id: `AAH${process.hrtime.bigint()}`, user: JSON.stringify(user), ...more };
  const text = Object.keys(fields).sort().map((name) => `${name}=${fields[name]}`).join("\n");
  const key = createHmac("sha256", "WebAppData").update(botToken).digest();
  return new URLSearchParams({ ...fields, hash: createHmac("sha256", key).update(text).digest("hex") }).toString();
}

/** What a phone does: scans the code that stands in the page. */
export async function codeScan(world, page, user) {
  const link = page.locator("a[href^='tg://login']");
  await link.waitFor({ state: "attached" });
  let last = null;
  for (let scans = 0; scans < SCANS_MAX; scans += 1) {
    // A code lives for half a minute; on a slow machine the one that was read may be over.
    await page.waitForFunction((before) => {
      const now = document.querySelector("a[href^='tg://login']")?.getAttribute("href");
      return now && now !== before;
    }, last);
    last = await link.getAttribute("href");
    const { accepted } = await world.tell({ do: "scan", token: new URL(last).searchParams.get("token"), user });
    if (accepted) return;
  }
  throw new Error("no code is good");
}
