// Talking to the server: one request, and what its refusal means to the reader.
//
// Same origin only, with the cookie the server set. Knows nothing of the page. A request ends within a minute, whatever
// the server does; every failure is a Refusal, except that an aborted request throws what aborted it.

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

export async function request(path, body, signal) {
  const timeout = AbortSignal.timeout(REPLY_TIMEOUT_MS);
  const options = { credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json" },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
  if (body) {
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    Object.assign(options.headers, { "Content-Type": "application/json", "X-Requested-With": "tga" });
  }
  let response;
  try {
    response = await fetch(path, options);
    if (response.ok) return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (response?.ok && error instanceof SyntaxError) throw new Refusal("failed");
    throw new Refusal(timeout.aborted ? "slow" : "gone");
  }
  throw await refusalOf(response);
}
