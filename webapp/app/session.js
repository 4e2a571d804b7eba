// Who is signed in: the access token in memory, what renews it in this browser's storage, and one renewal at a time.
//
// A refresh token is good once and using one twice ends its session, so all that wait for a token in this tab wait for one renewal,
// and share its failure; over all tabs it is done under a lock of the browser, where there is one, with the newest token. What another
// tab wrote to localStorage may reach this one after the lock does (each may be a process of its own), so the newest token is in
// IndexedDB too, which keeps the order. A renewal that did not reach the server loses nothing; one whose answer was lost has used the token up, which nobody
// here can know, and the next one then ends the session. Going over into another tenant uses the token up as well and is done like a renewal: the session
// stays, whose it is changes. Whoever signs out, or another person or tenant signing in, wipes what was kept here of the one before. Knows nothing of the page.

const KEY = "tga.session";
const LOCK = "tga.session.renew";
/** The kind under which the newest token is kept; without one the session went over into another tenant. */
const NEWEST = "renewed";
/** What a tab keeps of somebody beside the session: a login under way, when they last looked for what is new. */
const OF_TAB = ["tga.login"];
const OF_PERSON = ["tga.seen"];
/** How long before its end an access token is renewed. */
const EARLY_MS = 30_000;

let access = null;
const listeners = [];

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** What is stored: `{ refresh, turn, id, user, tenants, operator }`, or null; `turn` counts renewals. */
export const session = () => parsed(localStorage.getItem(KEY));

export const user = () => session()?.user ?? null;
const ownerOf = (one) => (one?.user ? `${one.user.tenant_id}/${one.user.id}` : null);
/** Whose the session is, a person in a tenant; what is kept on the device is kept under it. */
export const owner = () => ownerOf(session());
const same = (one, other) => one?.id === other?.id && ownerOf(one) === ownerOf(other);
export const isAdmin = () => user()?.role === "admin";
/** Whether the person runs the installation. */
export const isOperator = () => session()?.operator === true;
/** Whether a screen of this `role` (admin, operator or none) is shown to the person; the server decides all the same. */
export const may = (role) => !role || (role === "operator" ? isOperator() : isAdmin());
/** Calls `take(signedIn, elsewhere)` whenever somebody signs in or out, in this tab or another. */
export const sessionWatch = (take) => { listeners.push(take); };
const tell = (signedIn, elsewhere = false) => { for (const take of listeners) take(signedIn, elsewhere); };

function put(signed, turn) {
  access = { token: signed.access_token, until: Date.now() + signed.expires_in * 1000 };
  localStorage.setItem(KEY, JSON.stringify({ refresh: signed.refresh_token, turn, id: signed.session_id, user: signed.user, tenants: signed.tenants, operator: signed.operator }));
}

/** Keeps what a sign-in brought (`SignedIn`); what is here of another person or tenant goes first. */
export async function sessionPut(signed) {
  const before = owner();
  if (before && before !== ownerOf(signed)) await forget();
  put(signed, 0);
  tell(true);
}

/** Forgets the person on this device. Their screens go at once, what was kept right after. */
export async function sessionDrop() {
  access = null;
  localStorage.removeItem(KEY);
  tell(false);
  await forget();
}

// It is with the app's files on the device; where it is not, nothing could be kept.
const keeping = (body) => import("./keep.js").then(body, () => null);

async function forget() {
  for (const key of OF_TAB) sessionStorage.removeItem(key);
  for (const key of OF_PERSON) localStorage.removeItem(key);
  await keeping(({ keepWipe }) => keepWipe());
}

const fresh = () => access && access.until - EARLY_MS > Date.now();

let renewal = null;

/**
 * The access token, renewed where it must be; null where nobody is signed in. `stale` is a token that was refused.
 * `renew(refresh)` asks the server; what it throws is passed on, and `ended` in it ends the session here too.
 */
export async function token(renew, stale = null) {
  if (fresh() && access.token !== stale) return access.token;
  if (!renewal) {
    renewal = locked(() => renewed(renew, stale)).finally(() => { renewal = null; });
  }
  return renewal;
}

// Plain http and old browsers have no locks.
const locked = (body) => (navigator.locks ? navigator.locks.request(LOCK, body) : body());
const changed = () => new DOMException("the session changed", "AbortError");

/**
 * Takes the session over into another tenant. `move(refresh, bearer)` asks the server and gives what a sign-in gives; what is here of
 * the tenant before goes.
 */
export async function sessionMove(renew, move) {
  await renewal?.catch(() => {});
  await locked(async () => {
    const over = async (stale) => {
      const bearer = await renewed(renew, stale);
      if (!bearer) throw changed();
      await exchanged((refresh) => move(refresh, bearer));
    };
    // Once more where the server no longer takes a token whose time was not over.
    await over(null).catch((error) => {
      if (error.code !== "unauthorized") throw error;
      return over(access?.token);
    });
  });
  tell(true);
}

async function renewed(renew, stale) {
  if (fresh() && access.token !== stale) return access.token;
  return session() ? exchanged(renew) : null;
}

/** Uses up the newest refresh token for what `ask(refresh)` brings, and keeps that; the new access token. */
async function exchanged(ask) {
  const stored = session();
  if (!stored) throw changed();
  const newest = await keeping(({ keepGet }) => keepGet(NEWEST, stored.id));
  const { refresh, turn = 0 } = newest?.value.turn > (stored.turn ?? 0) ? newest.value : stored;
  // Another tab went over into another tenant, and the word of it has not come here yet.
  if (!refresh) throw changed();
  // Somebody may sign out or in while the answer is on its way, in another tab too: then it is of no use to anybody.
  const stands = () => same(session(), stored);
  let signed;
  try {
    signed = await ask(refresh);
  } catch (error) {
    if (error.ended && stands()) await sessionDrop();
    throw error;
  }
  const stays = ownerOf(signed) === ownerOf(stored);
  if (!stays && stands()) await forget();
  if (stands()) await keeping(({ keepPut }) => keepPut(NEWEST, stored.id, { refresh: stays ? signed.refresh_token : null, turn: turn + 1 }));
  if (!stands()) throw changed();
  put(signed, turn + 1);
  return signed.access_token;
}

addEventListener("storage", (event) => {
  // Without a key all of it was cleared.
  if (event.key !== KEY && event.key !== null) return;
  const before = parsed(event.oldValue);
  const now = session();
  // Another tab renewed: its token is good for it, ours until it is refused.
  if (before?.id && same(before, now)) return;
  access = null;
  // Screens of the one before go, or they would act in the name of the next.
  if (!now || (before && ownerOf(before) !== ownerOf(now))) {
    for (const key of OF_TAB) sessionStorage.removeItem(key);
    tell(false, true);
  }
  if (now) tell(true, true);
});
