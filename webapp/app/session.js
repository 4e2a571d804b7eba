// Who is signed in: the access token in memory, what renews it in this browser's storage, and one renewal at a time.
//
// A refresh token is good once and using one twice ends its session, so renewing is done under a lock of the browser that all tabs
// share, with the token that is stored at that moment. A renewal that failed for want of a network loses nothing. Signing out
// wipes what was kept of the person here. Knows nothing of the page.

const KEY = "tga.session";
const LOCK = "tga.session.renew";
/** How long before its end an access token is renewed. */
const EARLY_MS = 30_000;

let access = null;
let listeners = [];

/** What is stored: `{ refresh, user, tenants, operator }`, or null. */
export function session() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export const user = () => session()?.user ?? null;
export const isAdmin = () => user()?.role === "admin";
/** Whether the person runs the installation. */
export const isOperator = () => session()?.operator === true;
/** Whether a screen of this `role` (admin, operator or none) is shown to the person; the server decides all the same. */
export const may = (role) => !role || (role === "operator" ? isOperator() : isAdmin());
/** Calls `take(signedIn)` whenever somebody signs in or out, in this tab or another. */
export const sessionWatch = (take) => { listeners.push(take); };
const tell = (signedIn) => { for (const take of listeners) take(signedIn); };

/** Keeps what a sign-in or a renewal brought (`SignedIn`). */
export function sessionPut(signed, quiet = false) {
  access = { token: signed.access_token, until: Date.now() + signed.expires_in * 1000 };
  localStorage.setItem(KEY, JSON.stringify({ refresh: signed.refresh_token, id: signed.session_id, user: signed.user, tenants: signed.tenants, operator: signed.operator }));
  if (!quiet) tell(true);
}

/** Forgets the person on this device. */
export async function sessionDrop() {
  access = null;
  localStorage.removeItem(KEY);
  // It is with the app's files on the device; where it is not, nothing could be kept.
  await import("./keep.js").then(({ keepWipe }) => keepWipe(), () => {});
  tell(false);
}

const fresh = () => access && access.until - EARLY_MS > Date.now();

/**
 * The access token, renewed where it must be; null where nobody is signed in. `stale` is a token that was refused.
 * `renew(refresh)` asks the server; what it throws is passed on, and `ended` in it ends the session here too.
 */
export async function token(renew, stale = null) {
  if (fresh() && access.token !== stale) return access.token;
  const locked = (body) => (navigator.locks ? navigator.locks.request(LOCK, body) : body());
  return locked(async () => {
    if (fresh() && access.token !== stale) return access.token;
    const stored = session();
    if (!stored) return null;
    try {
      sessionPut(await renew(stored.refresh), true);
      return access.token;
    } catch (error) {
      if (error.ended) await sessionDrop();
      throw error;
    }
  });
}

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const before = event.oldValue && JSON.parse(event.oldValue).id;
  const now = event.newValue && JSON.parse(event.newValue).id;
  // Another tab renewed: its token is good for it, ours until it is refused.
  if (before === now) return;
  access = null;
  tell(Boolean(now));
});
