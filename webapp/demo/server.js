// Talking to the server: one request, its answer whole or as events, and what its refusal means to the reader.
//
// Same origin only, with the cookie the server set. Knows nothing of the page. A request ends within a minute, whatever
// the server does; every failure is a Refusal, except that an aborted request throws what aborted it. Events that break off
// before the last one are a failure: half an answer is none.

const REPLY_TIMEOUT_MS = 60_000;

/** Why there is no answer: locked, busy, failed, slow or gone. */
export class Refusal extends Error {
  constructor(kind, detail = {}) {
    super(detail.message ?? kind);
    Object.assign(this, { kind, wait_s: detail.wait_s ?? 0, request_id: detail.request_id ?? null });
  }
}

async function refusalOf(response) {
  const error = await response.json().then((body) => body.error ?? {}, () => ({}));
  const detail = { message: error.message, request_id: error.request_id ?? response.headers.get("x-request-id") };
  if (response.status === 401 || response.status === 403) return new Refusal("locked", detail);
  if (response.status === 429) {
    const wait_s = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
    return new Refusal("busy", { ...detail, wait_s: wait_s > 0 ? Math.min(wait_s, 3600) : 5 });
  }
  return new Refusal("failed", detail);
}

async function send(path, body, signal, accept, read) {
  const timeout = AbortSignal.timeout(REPLY_TIMEOUT_MS);
  const options = { credentials: "same-origin", cache: "no-store", headers: { Accept: accept },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
  if (body) {
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    Object.assign(options.headers, { "Content-Type": "application/json", "X-Requested-With": "tga" });
  }
  let response;
  try {
    response = await fetch(path, options);
    if (response.ok) return await read(response);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (response?.ok && error instanceof SyntaxError) throw new Refusal("failed");
    throw new Refusal(timeout.aborted ? "slow" : "gone");
  }
  throw await refusalOf(response);
}

export const request = (path, body, signal) => send(path, body, signal, "application/json", (response) => response.json());

/** Asks for events and hands each to `take(name, value)` as it arrives; returns after the one named `last`. */
export const requestEvents = (path, body, signal, last, take) => send(path, body, signal, "text/event-stream", async (response) => {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Refusal("gone");
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const field = (name) => event.split("\n").filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trimStart()).join("\n");
      // A comment keeps the connection open and says nothing.
      if (!field("data")) continue;
      take(field("event"), JSON.parse(field("data")));
      if (field("event") === last) return;
    }
  }
});
