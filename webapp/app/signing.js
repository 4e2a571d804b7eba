// Ways to sign in: Telegram's word, a link from the bot, a passkey, a login that was scanned.
//
// Each ends with a session that is kept, or throws a `Failure`. What Telegram's word opened is remembered for the tab, because it is
// good once. Somebody of several tenants is asked which: `choose(tenants)` gives its id.

import { api } from "./api.js";
import { session, sessionDrop, sessionPut, user } from "./session.js";
import { initData, startParam } from "./telegram.js";

let refused = null;

/** Why Telegram's word did not sign anybody in, for the sign-in screen; null when it did or there was none. */
export const telegramRefusal = () => refused;

/** Signs in by what Telegram says of whoever opened the app. `options`: tenant_id, invite_code. */
export async function signInByTelegram(options = {}) {
  if (session() && String(user()?.telegram_id) !== telegramId()) await sessionDrop();
  try {
    sessionPut(await api.post("/api/auth/telegram-webapp", { init_data: initData(), ...options }, { open: true }));
    refused = null;
  } catch (error) {
    refused = error;
  }
  return refused === null;
}

function telegramId() {
  try {
    return String(JSON.parse(new URLSearchParams(initData()).get("user")).id);
  } catch {
    return null;
  }
}

export async function signInByLink(token) {
  sessionPut(await api.post("/api/auth/link", { token }, { open: true }));
}

export async function signInByLogin(sessionToken) {
  sessionPut(await api.post("/tg/qr/exchange", { session_token: sessionToken }, { open: true }));
}

/** Ends the session here and at the server; without a network only here, and says so by what it returns. */
export async function signOut() {
  let told = true;
  try {
    await api.post("/api/auth/logout");
  } catch {
    told = false;
  }
  await sessionDrop();
  return told;
}

// ---- passkeys ----

export const passkeysThere = () => Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

export async function passkeyAdd(name) {
  const start = await api.post("/api/auth/passkeys/register/start");
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(start.public_key.publicKey ?? start.public_key);
  const made = await navigator.credentials.create({ publicKey });
  return api.post("/api/auth/passkeys/register/finish", { challenge_id: start.challenge_id, name, credential: made.toJSON() });
}

export async function signInByPasskey(choose) {
  const asked = async (tenantId) => {
    const start = await api.post("/api/auth/passkeys/login/start", undefined, { open: true });
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(start.public_key.publicKey ?? start.public_key);
    const answer = await navigator.credentials.get({ publicKey });
    const body = { challenge_id: start.challenge_id, credential: answer.toJSON(), tenant_id: tenantId };
    return api.post("/api/auth/passkeys/login/finish", body, { open: true });
  };
  try {
    sessionPut(await asked());
  } catch (error) {
    if (error.code !== "tenant_required") throw error;
    const tenant = await choose(error.details.tenants);
    if (tenant) sessionPut(await asked(tenant));
  }
}

/** The invite's code in what opened the app, if it looks like one. */
export function inviteGiven() {
  const code = new URLSearchParams(window.location.search).get("invite") ?? startParam() ?? "";
  return /^[A-Za-z0-9]{12}$/.test(code) ? code.toUpperCase() : "";
}
