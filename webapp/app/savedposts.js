// Posts the person keeps: the server has the list, this device a copy of the newest for reading without a network.
//
// Saving without a network is refused with its reason; what is kept here is never newer than what the server was told. Whether a
// post is kept is known for certain on the list itself; elsewhere as far as the copies go.

import { api } from "./api.js";
import { KIND_MAX, keepDrop, keepFill, keepGet, keepList, keepPut } from "./keep.js";

const KIND = "saved";

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
    const page = await api.get(`/api/saved?limit=${KIND_MAX}&offset=${offset}`, { signal });
    // The first page is what is kept: the next would only push it out.
    if (offset === 0) await keepFill(KIND, page.posts.map((post) => ({ id: post.id, value: post })));
    return page;
  } catch (error) {
    const kept = offset === 0 && (error.kind === "offline" || error.kind === "slow") ? await keepList(KIND) : [];
    if (kept.length === 0) throw error;
    return { posts: kept.map((one) => one.value), total: kept.length, keptAt: kept[0].at };
  }
}
