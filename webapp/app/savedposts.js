// Posts the person keeps: the server has the list, this device a copy of each for reading without a network.
//
// Saving without a network is refused with its reason; what is kept here is never newer than what the server was told.

import { api } from "./api.js";
import { keepDrop, keepGet, keepList, keepPut } from "./keep.js";

const KIND = "saved";
const LIMIT = 100;

/** Whether a post is kept, as far as this device knows. */
export const savedHas = async (id) => Boolean(await keepGet(KIND, Number(id)));

export async function savedSet(id, on) {
  if (!on) {
    await api.delete(`/api/posts/${id}/saved`);
    await keepDrop(KIND, Number(id));
    return;
  }
  const post = await api.put(`/api/posts/${id}/saved`);
  await keepPut(KIND, Number(id), post);
}

/** The kept posts, newest first: the server's, and without a network this device's (`keptAt` is then set). */
export async function savedList(offset = 0, signal) {
  try {
    const page = await api.get(`/api/saved?limit=${LIMIT}&offset=${offset}`, { signal });
    for (const post of [...page.posts].reverse()) await keepPut(KIND, post.id, post);
    if (offset === 0 && page.total <= page.posts.length) {
      const now = new Set(page.posts.map((post) => post.id));
      for (const old of await keepList(KIND)) if (!now.has(old.id)) await keepDrop(KIND, old.id);
    }
    return page;
  } catch (error) {
    const kept = error.kind === "offline" || error.kind === "slow" ? await keepList(KIND) : [];
    if (kept.length === 0) throw error;
    return { posts: kept.map((one) => one.value), total: kept.length, keptAt: kept[0].at };
  }
}
