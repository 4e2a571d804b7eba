// Locking the app on this device: what opens it is the phone's own biometrics, through Telegram.
//
// The lock hides what is on the screen from whoever holds the phone; the server knows nothing of it. Telegram keeps a token in
// the phone's safe place and gives it back after a look or a touch; that it comes back is the proof. Knows nothing of screens.

import { biometrics } from "./telegram.js";
import { t } from "./words.js";

const WANTED = "tga.lock";
const TOKEN = "locked";

/** How long biometrics may take to say whether they are there; an old Telegram never says it. */
const INIT_MS = 1500;

const manager = () => biometrics();

/** Whether this phone's biometrics can be used through Telegram. */
export const lockThere = () => Boolean(manager()?.isInited && manager().isBiometricAvailable);
export const lockWanted = () => localStorage.getItem(WANTED) === "true";

const initiated = (bio) => new Promise((done) => {
  if (bio.isInited) {
    done();
    return;
  }
  setTimeout(done, INIT_MS);
  bio.init(done);
});
const asked = (bio) => new Promise((done) => (bio.isAccessGranted ? done(true) : bio.requestAccess({ reason: t("app-lock-reason") }, done)));
const tokenPut = (bio, value) => new Promise((done) => bio.updateBiometricToken(value, done));
const proved = (bio) => new Promise((done) => bio.authenticate({ reason: t("app-lock-reason") }, (good, token) => done(good && token === TOKEN)));

/** Reads whether biometrics are there; to be called once when Telegram's script is. */
export async function lockPrepare() {
  const bio = manager();
  if (bio) await initiated(bio);
}

/** Switches the lock on or off; refused by the person, it stays as it was. */
export async function lockSet(on) {
  const bio = manager();
  if (on && !(await asked(bio) && await tokenPut(bio, TOKEN))) throw new Error("biometrics were refused");
  if (!on && !(await proved(bio))) throw new Error("biometrics were refused");
  if (!on) await tokenPut(bio, "");
  localStorage.setItem(WANTED, String(on));
}

/** Whether the app may be shown: true where there is no lock, else what the phone says. */
export async function lockOpen() {
  if (!lockWanted()) return true;
  const bio = manager();
  if (!bio) return true;
  await initiated(bio);
  // It may still answer; until it does nothing is known, and the lock stays.
  if (!bio.isInited) return false;
  // Where biometrics were taken away from the app or the phone there is nothing to ask; Telegram's own lock remains.
  if (!bio.isBiometricAvailable || !bio.isAccessGranted) return true;
  return proved(bio);
}
