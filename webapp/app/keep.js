// What is kept on this device for reading without a network: last replies, answers, saved posts.
//
// One IndexedDB store, wiped when the person signs out. Every failure of the browser's storage (private mode, no room) is nothing
// kept: the app works without. Knows nothing of the page or the server.

const NAME = "tga";
const STORE = "kept";
/** Entries of a kind that are kept, the newest. */
const KIND_MAX = 60;

let opened = null;

function open() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["kind", "id"] });
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
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
  } catch {
    return otherwise;
  }
}

const of = (kind) => IDBKeyRange.bound([kind], [kind, []]);

/** Everything kept of a kind, the newest first: `{ id, value, at }`. */
export async function keepList(kind) {
  const all = (await within("readonly", (store) => store.getAll(of(kind)), [])) ?? [];
  return all.sort((a, b) => b.at - a.at);
}

export const keepGet = async (kind, id) => (await within("readonly", (store) => store.get([kind, id]), undefined)) ?? null;

/** Keeps a value under its kind and id; the oldest beyond what is kept go. */
export async function keepPut(kind, id, value) {
  await within("readwrite", (store) => store.put({ kind, id, value, at: Date.now() }));
  const beyond = (await keepList(kind)).slice(KIND_MAX);
  if (beyond.length > 0) await within("readwrite", (store) => { for (const old of beyond) store.delete([kind, old.id]); });
}

export const keepDrop = (kind, id) => within("readwrite", (store) => store.delete([kind, id]));
export const keepWipe = () => within("readwrite", (store) => store.clear());
