// What is kept on this device: last replies, answers and saved posts for reading without a network, and the newest refresh token.
//
// One IndexedDB store, wiped when the person signs out; every entry is kept under the person and tenant it is of, so that nobody
// reads another's even where wiping failed. Every failure of the browser's storage (private mode, no room) is nothing kept: the app
// works without. Knows nothing of the page or the server.

import { owner } from "./session.js";

const NAME = "tga";
const STORE = "kept";
/** Entries of a kind that are kept, the newest. */
export const KIND_MAX = 60;

let opened = null;

function open() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["kind", "id"] });
    request.onsuccess = () => {
      // A browser closes it when it is short of room or the person clears the site's data.
      request.result.onclose = () => { opened = null; };
      done(request.result);
    };
    request.onerror = () => failed(request.error);
  });
  // What could not be opened may be another time.
  opened.catch(() => { opened = null; });
  return opened;
}

async function within(mode, body, otherwise) {
  try {
    const transaction = (await open()).transaction(STORE, mode);
    return await new Promise((done, failed) => {
      const request = body(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(request?.result);
      transaction.onabort = transaction.onerror = () => failed(transaction.error);
    });
  } catch (error) {
    // The connection was closed under us.
    if (error.name === "InvalidStateError") opened = null;
    return otherwise;
  }
}

const under = (kind) => `${kind} ${owner()}`;
const of = (kind) => IDBKeyRange.bound([kind], [kind, []]);

/** Everything kept of a kind, the newest first: `{ id, value, at }`. */
export async function keepList(kind) {
  const all = (await within("readonly", (store) => store.getAll(of(under(kind))), [])) ?? [];
  return all.sort((a, b) => b.at - a.at);
}

export const keepGet = async (kind, id) => (await within("readonly", (store) => store.get([under(kind), id]), undefined)) ?? null;

/** Keeps a value under its kind and id; the oldest beyond what is kept go. Nobody's is not kept: they signed out meanwhile. */
export async function keepPut(kind, id, value) {
  if (!owner()) return;
  const mine = under(kind);
  await within("readwrite", (store) => store.put({ kind: mine, id, value, at: Date.now() }));
  const count = await within("readonly", (store) => store.count(of(mine)), 0);
  if (count <= KIND_MAX) return;
  const beyond = (await keepList(kind)).slice(KIND_MAX);
  await within("readwrite", (store) => { for (const old of beyond) store.delete([old.kind, old.id]); });
}

/** Keeps these in place of all there are of the kind, the first as the newest; no more than are kept. */
export async function keepFill(kind, entries) {
  if (!owner()) return;
  const mine = under(kind);
  const now = Date.now();
  await within("readwrite", (store) => {
    store.delete(of(mine));
    entries.slice(0, KIND_MAX).forEach(({ id, value }, at) => store.put({ kind: mine, id, value, at: now - at }));
  });
}

export const keepDrop = (kind, id) => within("readwrite", (store) => store.delete([under(kind), id]));
export const keepWipe = () => within("readwrite", (store) => store.clear());
