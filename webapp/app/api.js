// Talking to the server: a request with the session's token, its answer whole or as events, and what a refusal means.
//
// Same origin only. A token that ran out is renewed and the request sent again, unseen. What only reads is tried again when the
// network or the server stumbles; what changes something is sent once, and so is a renewal: its token is good once, and one whose
// answer was lost may have been used up. A request is of whoever began it: signed in as another meanwhile, it is not sent, or its
// reply is dropped. Every failure is a `Failure`, except that an aborted request throws what aborted it. Replies asked for with `keep`
// are remembered on the device and come back, marked, when there is no network. Knows nothing of the page.

import { owner, sessionMove, token } from "./session.js";

// Fetched when it is first needed, which is after the first screen.
const kept = () => import("./keep.js");

const REPLY_TIMEOUT_MS = 60_000;
const TRIES = 3;
const TRY_AGAIN_MS = 400;
/** Longest wait that a retry obeys unseen. */
const WAIT_MAX_S = 3;

/** Why there is no answer. `kind`: offline, slow, signed-out, busy, refused (the server's `code` says why) or failed. */
export class Failure extends Error {
  constructor(kind, detail = {}) {
    super(detail.message ?? kind);
    Object.assign(this, { kind, status: 0, code: null, requestId: null, waitS: 0, fields: [], details: {} }, detail);
  }
}

let online = navigator.onLine;
const watchers = [];
/** Calls `take(online)` when the server can or cannot be reached any more. */
export const onlineWatch = (take) => { watchers.push(take); };
export const isOnline = () => online;
function reached(now) {
  if (now === online) return;
  online = now;
  for (const take of watchers) take(now);
}
addEventListener("offline", () => reached(false));
addEventListener("online", () => reached(true));

async function refusal(response) {
  const error = await response.json().then((body) => body.error ?? {}, () => ({}));
  const { code = null, message, request_id: requestId = response.headers.get("x-request-id"), fields = [], ...details } = error;
  const waitS = Math.min(Number.parseInt(response.headers.get("retry-after") ?? "", 10) || 0, 3600);
  const kind = response.status === 401 ? "signed-out" : response.status === 429 ? "busy" : response.status >= 500 ? "failed" : "refused";
  return new Failure(kind, { status: response.status, code, message, requestId, waitS, fields, details });
}

/** Aborted when one of these is. */
function either(signals) {
  if (AbortSignal.any) return AbortSignal.any(signals);
  const any = new AbortController();
  for (const one of signals) {
    if (one.aborted) any.abort(one.reason);
    one.addEventListener("abort", () => any.abort(one.reason), { once: true, signal: any.signal });
  }
  return any.signal;
}

async function once(method, path, { body, signal, accept, bearer, also }) {
  const timeout = AbortSignal.timeout(REPLY_TIMEOUT_MS);
  // A stream lasts as long as it is listened to.
  const limits = accept === "text/event-stream" ? [signal] : [signal, timeout];
  const headers = { Accept: accept ?? "application/json" };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, cache: "no-store", signal: either(limits.filter(Boolean)) };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (timeout.aborted) throw new Failure("slow");
    reached(false);
    throw new Failure("offline");
  }
  reached(true);
  if (!response.ok && !also?.includes(response.status)) throw await refusal(response);
  return response;
}

async function renew(refresh) {
  try {
    return await (await once("POST", "/api/auth/refresh", { body: { refresh_token: refresh } })).json();
  } catch (error) {
    throw Object.assign(error, { renewal: true, ended: error.status === 401 });
  }
}

/** Goes over into another tenant of the person, in the same session; sent once, as it uses the refresh token up. */
export const tenantGo = (tenant_id) => sessionMove(renew, async (refresh_token, bearer) => {
  try {
    return await (await once("POST", "/api/auth/tenant", { body: { tenant_id, refresh_token }, bearer })).json();
  } catch (error) {
    throw Object.assign(error, { ended: error.code?.startsWith("refresh_") });
  }
});

const pause = (ms, signal) => new Promise((done, failed) => {
  const timer = setTimeout(done, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); failed(signal.reason); }, { once: true });
});

const stumbled = (error) => !error.renewal && (error.kind === "offline" || [502, 503, 504].includes(error.status) || (error.kind === "busy" && error.waitS <= WAIT_MAX_S));

const over = () => new DOMException("somebody else signed in", "AbortError");

/** Drops what comes for one after another signed in; who only signed out still reads it, a receipt for instance. */
function still(whose) {
  if (owner() && owner() !== whose) throw over();
}

async function sent(method, path, options) {
  const tries = method === "GET" ? TRIES : 1;
  const whose = owner();
  const bearerOf = async (stale) => {
    const bearer = await token(renew, stale);
    if (owner() !== whose) throw over();
    return bearer;
  };
  let stale = null;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const bearer = options.open ? null : await bearerOf(stale);
      try {
        return await once(method, path, { ...options, bearer });
      } catch (error) {
        // Once for a token that the server no longer takes, though its time was not over.
        if (!(error instanceof Failure) || error.status !== 401 || !bearer || stale) throw error;
        stale = bearer;
        return await once(method, path, { ...options, bearer: await bearerOf(stale) });
      }
    } catch (error) {
      if (!(error instanceof Failure) || attempt >= tries || !stumbled(error)) throw error;
      await pause(Math.max(error.waitS * 1000, TRY_AGAIN_MS * attempt), options.signal);
    }
  }
}

async function read(response) {
  if (response.status === 204) return null;
  return response.json().catch(() => { throw new Failure("failed", { requestId: response.headers.get("x-request-id") }); });
}

async function ask(method, path, body, options = {}) {
  const whose = owner();
  try {
    const value = await read(await sent(method, path, { ...options, body }));
    if (!options.open) still(whose);
    if (options.keep) kept().then(({ keepPut }) => owner() === whose && keepPut("reply", path, value), () => {});
    return value;
  } catch (error) {
    const readable = options.keep && (error.kind === "offline" || error.kind === "slow");
    const old = readable ? await kept().then(({ keepGet }) => keepGet("reply", path), () => null) : null;
    if (!old) throw error;
    return { ...old.value, keptAt: old.at };
  }
}

/** `options`: `signal`, `keep` (readable without a network; the reply then has `keptAt`), `open` (asked without a token), `also` (statuses whose reply is no refusal). */
export const api = {
  get: (path, options) => ask("GET", path, undefined, options),
  post: (path, body, options) => ask("POST", path, body, options),
  put: (path, body, options) => ask("PUT", path, body, options),
  patch: (path, body, options) => ask("PATCH", path, body, options),
  delete: (path, body, options) => ask("DELETE", path, body, options),
  /** A file to save: `{ blob, name }`. */
  file: async (path, options = {}) => {
    const response = await sent("GET", path, options);
    const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
    return { blob: await response.blob(), name: name ?? path.split("/").at(-1) };
  },
  events,
};

/**
 * Asks for events and hands each to `take(name, value)`. Returns when `last(name, value)` says so; events that break off before
 * are a failure. With `body` it is a POST, else a GET.
 */
async function events(path, { body, signal, open, last, take }) {
  const whose = owner();
  const response = await sent(body === undefined ? "GET" : "POST", path, { body, signal, open, accept: "text/event-stream" });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      if (signal?.aborted) throw error;
      throw new Failure("offline");
    });
    if (done) throw new Failure("offline");
    if (!open) still(whose);
    const whole = (rest + value).split("\n\n");
    rest = whole.pop();
    for (const event of whole) {
      const field = (name) => event.split("\n").filter((row) => row.startsWith(`${name}:`)).map((row) => row.slice(name.length + 1).trimStart()).join("\n");
      // A comment keeps the connection open and says nothing.
      if (!field("data")) continue;
      const [name, data] = [field("event"), JSON.parse(field("data"))];
      take(name, data);
      if (last(name, data)) {
        reader.cancel();
        return;
      }
    }
  }
}
