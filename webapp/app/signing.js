// Ways to sign in: Telegram's word, a link from the bot, a passkey, a login that was scanned.
//
// Each ends with a session that is kept, or throws a `Failure`. Telegram's word is good once, so it is tried once, unless the person
// asks again. Somebody of several tenants is asked which: `choose(tenants)` gives its id.

import { api } from "./api.js";
import { session, sessionDrop, sessionPut, user } from "./session.js";
import { initData, startParam, telegramUser } from "./telegram.js";

/** Refusals that come after the server found Telegram's word true. */
const WORD_TRUE = ["invite_required", "invite_unknown", "invite_expired", "invite_revoked", "invite_exhausted", "registration_closed", "tenant_required"];

let refused = null;
let tried = false;
/** Set in the tab when the person signs out by hand: then Telegram's word is not used unasked. */
const LEFT = "tga.left";

/** Why Telegram's word did not sign anybody in, for the sign-in screen; null when it did or there was none. */
export const telegramRefusal = () => refused;

/** Whether Telegram's word is there and was not tried. */
export const telegramWordLeft = () => Boolean(initData()) && !tried;
export const leftByHand = () => sessionStorage.getItem(LEFT) !== null;

/**
 * Signs in by what Telegram says of whoever opened the app. `options`: tenant_id, invite_code. The session of another person stays
 * until the server found the word true: anybody can write one.
 */
export async function signInByTelegram(options = {}) {
  tried = true;
  sessionStorage.removeItem(LEFT);
  try {
    await sessionPut(await api.post("/api/auth/telegram-webapp", { init_data: initData(), ...options }, { open: true }));
    refused = null;
  } catch (error) {
    refused = error;
    if (WORD_TRUE.includes(error.code) && session() && user()?.telegram_id !== telegramUser().id) await sessionDrop();
  }
  return refused === null;
}

export async function signInByLink(token) {
  await sessionPut(await api.post("/api/auth/link", { token }, { open: true }));
}

export async function signInByLogin(sessionToken) {
  await sessionPut(await api.post("/tg/qr/exchange", { session_token: sessionToken }, { open: true }));
}

/** Forgets the person on this device, as they wanted; the server did already, or never hears of it. */
export async function leave() {
  sessionStorage.setItem(LEFT, "1");
  await sessionDrop();
}

/** Ends the session here and at the server; without a network only here, and says so by what it returns. */
export async function signOut() {
  let told = true;
  try {
    await api.post("/api/auth/logout");
  } catch {
    told = false;
  }
  await leave();
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
    await sessionPut(await asked());
  } catch (error) {
    if (error.code !== "tenant_required") throw error;
    const tenant = await choose(error.details.tenants);
    if (tenant) await sessionPut(await asked(tenant));
  }
}

/** The invite's code in what opened the app, if it looks like one. */
export function inviteGiven() {
  const code = new URLSearchParams(window.location.search).get("invite") ?? startParam() ?? "";
  return /^[A-Za-z0-9]{12}$/.test(code) ? code.toUpperCase() : "";
}
