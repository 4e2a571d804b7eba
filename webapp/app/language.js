// The language that is chosen: read here at once, told to the server, so that the bot and other devices speak it too, and taken from
// there when it was chosen elsewhere.
//
// A choice that the server was not told yet (nobody signed in, no network) is told before another is taken.

import { api } from "./api.js";
import { session } from "./session.js";
import { language, languageKeep, textsLoad } from "./words.js";

const UNTOLD = "tga.language.untold";
const PATH = "/api/users/me/settings";

/** Reads the app in this language from now on. */
export async function languageChoose(code) {
  languageKeep(code);
  localStorage.setItem(UNTOLD, "1");
  await textsLoad(code);
}

/** Tells the server what was chosen here, where somebody is signed in. */
export async function languageTell() {
  if (!session() || !localStorage.getItem(UNTOLD)) return;
  await api.put(PATH, { language: language() });
  localStorage.removeItem(UNTOLD);
}

/** Takes over what was chosen elsewhere; whether the language is another now. */
export async function languageFollow() {
  if (localStorage.getItem(UNTOLD)) {
    await languageTell();
    return false;
  }
  const { language: chosen } = await api.get(PATH);
  if (!chosen || chosen === language()) return false;
  languageKeep(chosen);
  await textsLoad(chosen);
  return true;
}
