// Search through the posts of this site, in the browser: every word must begin a word of the post or one of its tags.
"use strict";
(() => {
  const me = document.currentScript;
  const shards = Number(me.dataset.shards);
  const posts = [];
  const SHOWN_MAX = 50;
  let loading = null;

  const fold = (text) => text.toLowerCase().replaceAll("ё", "е");
  const words = (text) => fold(text).match(/[\p{L}\p{N}_#@]+/gu) ?? [];

  // Called by the files in search/.
  globalThis.tgaPosts = (rows) => {
    for (const row of rows) posts.push({ row, folded: " " + words(row[3] + " " + row[4] + " " + row[1]).join(" ") });
  };

  const load = (number) =>
    new Promise((done) => {
      const script = document.createElement("script");
      script.src = `search/${number}.js`;
      script.onload = script.onerror = done;
      document.head.append(script);
    });

  async function loadAll(after) {
    for (let number = 0; number < shards; number += 1) {
      await load(number);
      after(number + 1);
    }
  }

  function snippet(text, wanted) {
    const at = Math.max(0, ...wanted.map((word) => fold(text).indexOf(word)));
    const from = Math.max(0, at - 60);
    const part = document.createElement("span");
    let rest = (from > 0 ? "…" : "") + text.slice(from, from + 220) + (from + 220 < text.length ? "…" : "");
    while (rest) {
      const folded = fold(rest);
      const hits = wanted.map((word) => [folded.indexOf(word), word.length]).filter(([place]) => place >= 0);
      if (hits.length === 0) break;
      const [place, length] = hits.reduce((a, b) => (b[0] < a[0] ? b : a));
      const mark = document.createElement("mark");
      mark.textContent = rest.slice(place, place + length);
      part.append(rest.slice(0, place), mark);
      rest = rest.slice(place + length);
    }
    part.append(rest);
    return part;
  }

  function show(query, loaded) {
    const wanted = words(query);
    const list = document.getElementById("hits");
    const state = document.getElementById("state");
    list.replaceChildren();
    if (wanted.length === 0) {
      state.textContent = "";
      return;
    }
    const found = posts.filter((post) => wanted.every((word) => post.folded.includes(" " + word)));
    found.sort((a, b) => (a.row[2] < b.row[2] ? 1 : -1));
    for (const { row } of found.slice(0, SHOWN_MAX)) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = row[0];
      link.textContent = `${row[2]} · ${row[1]}`;
      item.append(link, document.createElement("br"), snippet(row[3], wanted));
      list.append(item);
    }
    state.textContent = loaded < shards ? `${found.length} … ${loaded}/${shards}` : String(found.length);
  }

  document.getElementById("search").addEventListener("submit", (event) => event.preventDefault());
  const input = document.getElementById("query");
  let loaded = 0;
  input.addEventListener("input", () => {
    loading ??= loadAll((count) => {
      loaded = count;
      show(input.value, loaded);
    });
    show(input.value, loaded);
  });
})();
