// The demo page: one question in, a cited answer and the matching posts out.
//
// Words stand in words.js, nodes of posts in post.js, requests in server.js; here are the state and what the reader does.
// Talks to three same-origin routes (GET /api/demo/status, POST /api/rag/query as events, POST /api/search) with the cookie
// the server set. Invariants: whatever came from a post or a model reaches the page through text nodes only; a link is made
// only for http, https and tg; a late reply to an older question is dropped; the address bar holds the whole state, so
// reload and Back work. If the server goes away the page keeps what it shows, says so and offers to retry.

import { avatar, bones, cardTop, link, matched, node, postText, safeUrl } from "./post.js";
import { Refusal, request, requestEvents } from "./server.js";
import { count, counted, language, languageSet, say } from "./words.js";

const STATUS_EVERY_MS = 1_500;
const STATUS_IDLE_MS = 15_000;
const SOURCES_MAX = 8;
const NEAREST_MAX = 3;
const HITS_STEP = 10;
const HITS_MAX = 100;
const TAGS_SHOWN = 18;
const QUESTION_CHARS_MIN = 3;
const DAY_MS = 86_400_000;
const PERIOD_DAYS = { week: 7, month: 31 };

const at = (id) => document.getElementById(id);
const idle = () => ({ phase: "idle", data: null, error: null, run: null });
const state = {
  query: "", period: "all", mode: "hybrid", channels: new Set(), tag: null, limit: HITS_STEP,
  answer: idle(), hits: idle(), status: null, statusLost: false, examplesKey: "",
};
let pollTimer = 0;

// ---- asking ----

const scope = () => {
  const days = PERIOD_DAYS[state.period];
  return {
    channel_ids: state.channels.size ? [...state.channels] : undefined,
    since: days ? new Date(Date.now() - days * DAY_MS).toISOString() : undefined,
  };
};

/** Fills `slot` by `load(signal, partly)`, dropping what comes if a newer question has started since. */
async function run(slot, load, show) {
  slot.run?.abort();
  const controller = new AbortController();
  Object.assign(slot, { phase: "loading", error: null, run: controller });
  show();
  try {
    const data = await load(controller.signal, (part) => {
      if (slot.run !== controller) return;
      slot.data = part;
      show();
    });
    if (slot.run === controller) Object.assign(slot, { phase: "done", data });
    if (state.statusLost) pollStatus();
  } catch (error) {
    if (slot.run !== controller || controller.signal.aborted) return;
    if (!(error instanceof Refusal)) console.error(error);
    Object.assign(slot, { phase: "error", error: error instanceof Refusal ? error : new Refusal("failed") });
  }
  if (slot.run === controller) show();
}

function askAnswer() {
  state.answer.data = null;
  const body = { query: state.query, limit: SOURCES_MAX, stream: true, ...scope() };
  return run(state.answer, async (signal, partly) => {
    const data = { result: { answer: "", sources: [] } };
    await requestEvents("/api/rag/query", body, signal, "done", (event, value) => {
      if (event === "token") data.result.answer += value.text;
      if (event === "sources") data.result.sources = value;
      if (event === "done") Object.assign(data, value, { result: { ...value.result, ...data.result } });
      partly(data);
    });
    return data;
  }, showAnswer);
}

function askHits() {
  const tags = state.tag ? [state.tag] : undefined;
  const body = { query: state.query || state.tag, mode: state.mode, tags, limit: state.limit, ...scope() };
  return run(state.hits, (signal) => request("/api/search", body, signal), showHits);
}

// ---- the answer ----

function trouble(error, again) {
  const texts = { locked: "locked_text", gone: "gone_text", busy: "busy_text", failed: "failed_text", slow: "gone_text" };
  const box = node("div", { class: "note bad", role: "alert" }, node("h3", {}, say(error.kind)), node("p", {}, say(texts[error.kind])));
  if (error.request_id) box.append(node("p", { class: "hint" }, say("request", error.request_id)));
  if (error.kind === "locked") return box;
  const button = node("button", { type: "button", class: "primary", onclick: again }, say("retry"));
  const until = Date.now() + error.wait_s * 1000;
  const tick = () => {
    const left_s = Math.ceil((until - Date.now()) / 1000);
    button.disabled = left_s > 0;
    button.textContent = left_s > 0 ? say("wait", left_s) : say("retry");
    if (left_s > 0) setTimeout(() => button.isConnected && tick(), 1000);
  };
  // The button joins the page only after this function returns, so the first look happens before it is connected.
  tick();
  box.append(button);
  return box;
}

function lightUp(n) {
  for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
  for (const element of document.querySelectorAll(`[data-source="${n}"]`)) element.classList.add("lit");
}

function goTo(element, block) {
  if (!element) return;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block });
}

function citation(n, first) {
  const mark = node("a", { class: "cite", href: `#source-${n}`, "data-source": n, id: first ? `cite-${n}` : undefined, "aria-label": say("source", n) }, String(n));
  mark.addEventListener("click", (event) => {
    event.preventDefault();
    lightUp(n);
    goTo(at(`source-${n}`), "start");
  });
  return mark;
}

/**
 * Paragraphs and lists out of plain text; `[n]` becomes a mark when source n exists and is dropped otherwise. While the answer
 * is still coming (`sources` is null) a number is shown and leads nowhere yet.
 */
function answerText(text, sources) {
  const known = new Set(sources?.map((source) => source.n));
  const seen = new Set();
  const marked = (line) => line.split(/(\s*\[\d+\])/).map((piece) => {
    const number = /^\s*\[(\d+)\]$/.exec(piece);
    if (!number) return piece;
    const n = Number(number[1]);
    if (!sources) return node("span", { class: "cite-soon" }, number[1]);
    if (!known.has(n)) return "";
    const mark = citation(n, !seen.has(n));
    seen.add(n);
    return mark;
  });
  const root = node("div", { class: "answer-text", dir: "auto" });
  for (const line of text.split("\n").filter((part) => part.trim())) {
    if (line.startsWith("• ")) {
      if (root.lastElementChild?.tagName !== "UL") root.append(node("ul"));
      root.lastElementChild.append(node("li", {}, ...marked(line.slice(2))));
    } else {
      root.append(node("p", {}, ...marked(line)));
    }
  }
  return root;
}

function sourceCard(source) {
  const { body, cut, whole } = postText(source.content ?? "", source.quote);
  const number = node("span", { class: "number", "aria-hidden": "true" }, String(source.n));
  const foot = node("div", { class: "card-foot" }, safeUrl(source.permalink) && link(source.permalink, say("open")));
  if (cut) {
    const button = node("button", { type: "button", class: "text-button", onclick: () => { whole(); goTo(card, "nearest"); button.remove(); } }, say("whole"));
    foot.append(button);
  }
  if (at(`cite-${source.n}`)) {
    foot.append(node("button", { type: "button", class: "text-button", onclick: () => goTo(at(`cite-${source.n}`), "center") }, say("back")));
  }
  const card = node("li", { class: "card", id: `source-${source.n}`, tabindex: "-1", "data-source": source.n, "aria-label": `${say("source", source.n)}: ${source.channel_title}` },
    cardTop(source.channel_title, source.posted_at, number), body, foot);
  return card;
}

async function copyAnswer(button) {
  const { answer, sources } = state.answer.data.result;
  const list = sources.map((source) => [`[${source.n}] ${source.channel_title}`, source.permalink].filter(Boolean).join(": ")).join("\n");
  const done = await navigator.clipboard?.writeText(`${state.query}\n\n${answer}\n\n${list}`).then(() => true, () => false);
  button.textContent = say(done ? "copied" : "copy_failed");
}

function answerFoot({ confidence }, took_ms) {
  const level = confidence >= 0.7 ? "high" : confidence >= 0.4 ? "middle" : "low";
  const copy = node("button", { type: "button", class: "text-button", onclick: () => copyAnswer(copy) }, say("copy"));
  return node("div", { class: "answer-foot" },
    node("span", { class: level === "low" ? "hint low" : "hint" }, say(`confidence_${level}`)),
    node("span", { class: "hint" }, say("took", count(Math.round(took_ms)))), copy);
}

function showAnswer() {
  const { phase, data, error } = state.answer;
  const [head, body, sources] = [at("answer-head"), at("answer-body"), at("sources")];
  at("answer").hidden = phase === "idle";
  body.setAttribute("aria-busy", String(phase === "loading"));
  sources.replaceChildren();
  if (phase === "loading") {
    head.textContent = say("looking");
    body.replaceChildren(data?.result.answer ? answerText(data.result.answer, null) : bones(5));
  } else if (phase === "error") {
    if (state.hits.phase === "error") showHits();
    head.textContent = say("answer");
    body.replaceChildren(trouble(error, () => settle({ keep: true })));
  } else if (phase === "done") {
    const { result, processing_time_ms: took_ms } = data;
    const found = !result.abstained && result.sources.length > 0;
    head.textContent = say(found ? "answer" : "nothing");
    if (found) body.replaceChildren(answerText(result.answer, result.sources), answerFoot(result, took_ms));
    else body.replaceChildren(node("p", { class: "note" }, say("nothing_text")));
    // Without an answer the same posts follow below as found ones, so a few are enough.
    const shown = found ? result.sources : result.sources.slice(0, NEAREST_MAX);
    if (shown.length > 0) {
      sources.replaceChildren(node("h3", { class: "group-head" }, say(found ? "sources" : "nearest")),
        node("ol", { class: "cards" }, ...shown.map(sourceCard)));
    }
  }
}

// ---- the matching posts ----

const tagChip = (tag, posts) => node("button", { type: "button", class: "chip", "aria-pressed": String(tag === state.tag), onclick: () => tagPick(tag) },
  tag, posts === undefined ? null : node("span", { class: "count" }, count(posts)));

function hitCard(hit) {
  const tags = (hit.tags ?? []).map((tag) => tagChip(tag));
  const open = safeUrl(hit.permalink) && link(hit.permalink, say("open_short"));
  open?.setAttribute("aria-label", `${say("open")}: ${hit.channel_title}`);
  return node("li", { class: "card" }, cardTop(hit.channel_title, hit.posted_at, open),
    node("p", { class: "post", dir: "auto" }, ...matched(hit.snippet ?? "", hit.highlights)),
    tags.length ? node("div", { class: "chips" }, ...tags) : null);
}

function showHits() {
  const { phase, data, error } = state.hits;
  const body = at("hits-body");
  // One trouble told once: what stopped the answer has stopped the search as well.
  at("hits").hidden = phase === "idle" || (phase === "error" && state.answer.error?.kind === error.kind);
  body.setAttribute("aria-busy", String(phase === "loading"));
  at("hits-count").textContent = phase === "done" && data.hits.length ? say("found", count(data.hits.length), count(Math.max(data.total, data.hits.length)), count(Math.round(data.took_ms))) : "";
  const held = document.activeElement?.id === "tag-off";
  at("tag-filter").replaceChildren(...(state.tag ? [node("button", { type: "button", class: "chip", "aria-pressed": "true", id: "tag-off", onclick: () => tagPick(null) },
    say("only_tag", state.tag), ` × ${say("remove")}`)] : []));
  if (held) at("tag-off")?.focus({ preventScroll: true });
  if (phase === "error") body.replaceChildren(trouble(error, askHits));
  if (phase === "loading" && !data) body.replaceChildren(bones(6));
  if (phase !== "done") return;
  if (data.hits.length === 0) {
    body.replaceChildren(node("div", { class: "note" }, node("h3", {}, say("none")), node("p", {}, say("none_text"))));
    return;
  }
  const more = data.hits.length >= state.limit && data.total > data.hits.length && state.limit < HITS_MAX;
  body.replaceChildren(node("ol", { class: "cards" }, ...data.hits.map(hitCard)));
  if (more) body.append(node("button", { type: "button", class: "more", onclick: () => { state.limit = Math.min(state.limit + HITS_STEP, HITS_MAX); askHits(); } }, say("more")));
}

// ---- filters, status, first screen ----

function channelButton({ id, title, posts }) {
  const button = node("button", { type: "button", class: "channel", title, "data-channel": id, "aria-pressed": String(state.channels.has(id)) },
    avatar(title), node("span", { class: "name" }, title), node("span", { class: "hint" }, count(posts)));
  button.addEventListener("click", () => {
    if (!state.channels.delete(id)) state.channels.add(id);
    button.setAttribute("aria-pressed", String(state.channels.has(id)));
    refine();
  });
  return button;
}

function showFilters() {
  const channels = state.channels.size ? counted(state.channels.size, "n_channels") : say("all_channels");
  at("filters-sum").textContent = say("filters_sum", channels, say(`period_${state.period}`).toLocaleLowerCase(language()));
  for (const name of ["period", "mode"]) document.querySelector(`input[name=${name}][value=${state[name]}]`).checked = true;
  for (const button of document.querySelectorAll("[data-channel]")) button.setAttribute("aria-pressed", String(state.channels.has(Number(button.dataset.channel))));
}

function showStatus() {
  const { status, statusLost } = state;
  at("status").classList.toggle("gone", statusLost);
  at("status-bar").hidden = true;
  at("status").hidden = !statusLost;
  if (statusLost) at("status-line").textContent = say(statusLost);
  if (!status) {
    at("status").hidden = true;
    return;
  }
  const working = status.indexed < status.posts ? "indexing" : status.model && status.embedded < status.posts ? "embedding" : null;
  const vector = document.querySelector("input[name=mode][value=vector]");
  vector.disabled = !status.model;
  at("mode-note").textContent = !status.model ? say("no_model") : working === "embedding" ? say("embedding_wait") : "";
  at("lead").textContent = status.posts ? say("lead", counted(status.posts, "posts"), counted(status.channels.length, "from_channels")) : say("lead_wait");
  if (statusLost) return;
  // Ready is worth a line on the first screen only; work in progress is worth one everywhere.
  at("status").hidden = !working && at("start").hidden;
  const done = working === "indexing" ? status.indexed : status.embedded;
  at("status-line").textContent = working ? say(working, count(done), count(status.posts)) : say("ready", counted(status.posts, "posts"), status.model?.split("@")[0]);
  Object.assign(at("status-bar"), { hidden: !working, max: Math.max(status.posts, 1), value: done });
}

/** Rebuilt only when its content changed, so that a poll never takes the focus from under a finger. */
function showStart() {
  const { questions = [], tags_top: tags = [], channels = [] } = state.status ?? {};
  const lost = !state.status && state.statusLost;
  const key = JSON.stringify([language(), state.tag, questions, tags, channels, lost]);
  at("start").hidden = state.answer.phase !== "idle" || state.hits.phase !== "idle";
  at("hero").hidden = at("start").hidden;
  if (key === state.examplesKey) return;
  state.examplesKey = key;
  at("try").hidden = questions.length === 0;
  at("examples").replaceChildren(...(lost ? [trouble(new Refusal(lost), pollStatus)] : []), ...questions.map((question) => node("button", { type: "button", class: "example", dir: "auto", onclick: () => submit(question) }, question)));
  at("tags-head").hidden = tags.length === 0;
  at("tags").replaceChildren(...tags.slice(0, TAGS_SHOWN).map(({ tag, count: posts }) => tagChip(tag, posts)));
  at("channels").replaceChildren(...channels.map(channelButton));
}

async function pollStatus() {
  clearTimeout(pollTimer);
  let wait_ms = STATUS_IDLE_MS;
  try {
    const status = await request("/api/demo/status");
    Object.assign(state, { status, statusLost: false });
    if (status.indexed < status.posts || (status.model && status.embedded < status.posts) || status.posts === 0) wait_ms = STATUS_EVERY_MS;
  } catch (error) {
    state.statusLost = error instanceof Refusal ? error.kind : "failed";
    wait_ms = STATUS_IDLE_MS / 3;
  }
  showStart();
  showStatus();
  pollTimer = setTimeout(pollStatus, wait_ms);
}

// ---- what the person does ----

function address() {
  const parameters = new URLSearchParams();
  if (state.query) parameters.set("q", state.query);
  if (state.tag) parameters.set("tag", state.tag);
  if (state.period !== "all") parameters.set("period", state.period);
  if (state.mode !== "hybrid") parameters.set("mode", state.mode);
  for (const id of state.channels) parameters.append("channel", id);
  return parameters.size ? `/?${parameters}` : "/";
}

/** Shows what the state says, asking the server for what it needs; `parts` names what has to be asked again. */
function settle({ answer = true, keep = false } = {}) {
  if (answer && state.query) askAnswer();
  if (!state.query) { state.answer.run?.abort(); state.answer = idle(); showAnswer(); }
  if (!keep) state.hits.data = null;
  if (state.query || state.tag) askHits();
  else { state.hits.run?.abort(); state.hits = idle(); showHits(); }
  write(state.query);
  showFilters();
  showStart();
  showStatus();
}

function write(question) {
  at("question").value = question;
  fit();
}

/** Grows the field with its text where the style sheet cannot. */
function fit() {
  const field = at("question");
  at("clear").hidden = !field.value;
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

function submit(question) {
  const query = question.replace(/\s+/g, " ").trim();
  at("ask-hint").textContent = query.length < QUESTION_CHARS_MIN ? say("short") : "";
  if (query.length < QUESTION_CHARS_MIN) return at("question").focus();
  Object.assign(state, { query, tag: null, limit: HITS_STEP });
  history.pushState(null, "", address());
  settle();
  scrollTo({ top: 0 });
  if (document.activeElement !== at("question") || matchMedia("(pointer: coarse)").matches) at("answer-head").focus({ preventScroll: true });
}

function refine(parts = {}) {
  state.limit = HITS_STEP;
  history.replaceState(null, "", address());
  settle({ ...parts, keep: true });
}

function tagPick(tag) {
  Object.assign(state, { tag: tag === state.tag ? null : tag, limit: HITS_STEP });
  history.pushState(null, "", address());
  settle({ answer: false, keep: true });
  goTo(at("tag-off") ?? (at("hits").hidden ? at("question") : at("hits-head")), "center");
}

function restore() {
  const parameters = new URLSearchParams(location.search);
  const choice = (name, fallback) => (document.querySelector(`input[name=${name}][value="${CSS.escape(parameters.get(name) ?? "")}"]`) ? parameters.get(name) : fallback);
  Object.assign(state, { query: (parameters.get("q") ?? "").trim().slice(0, 1000), tag: parameters.get("tag"), limit: HITS_STEP,
    period: choice("period", "all"), mode: choice("mode", "hybrid"), channels: new Set(parameters.getAll("channel").map(Number).filter(Number.isSafeInteger)) });
  settle();
}

// ---- language, theme, keys ----

const remembered = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const remember = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private mode: the choice lasts until reload */ } };

function speak(lang) {
  languageSet(lang);
  document.documentElement.lang = lang;
  document.title = say("page");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = say(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", say(element.dataset.tLabel));
  for (const button of document.querySelectorAll("[data-lang]")) button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
  at("question").placeholder = say("placeholder");
  at("lead").textContent = say("lead_wait");
  at("ask-hint").textContent = "";
  for (const show of [themeLabel, showStart, showStatus, showFilters, showAnswer, showHits]) show();
}

const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function themeLabel() {
  const label = say(isDark() ? "theme_light" : "theme_dark");
  at("theme").setAttribute("aria-label", label);
  at("theme").title = label;
}

function escape() {
  const card = document.activeElement?.closest?.(".card[data-source]");
  if (card) {
    lightUp(0);
    goTo(at(`cite-${card.dataset.source}`), "center");
  } else if (document.activeElement === at("question")) {
    if (at("question").value !== state.query) write(state.query);
    else at("question").blur();
  } else if (state.tag) {
    tagPick(state.tag);
  }
}

function listen() {
  at("ask").addEventListener("submit", (event) => { event.preventDefault(); submit(at("question").value); });
  at("question").addEventListener("input", () => { at("ask-hint").textContent = ""; fit(); });
  at("question").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    at("ask").requestSubmit();
  });
  at("clear").addEventListener("click", () => { write(""); at("question").focus(); });
  // Whatever is scrolled into view has to stop below the question, however many lines that takes.
  new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${at("ask").offsetHeight + 4}px`)).observe(at("ask"));
  at("home").addEventListener("click", (event) => { event.preventDefault(); history.pushState(null, "", "/"); restore(); });
  at("period").addEventListener("change", (event) => { state.period = event.target.value; refine(); });
  at("mode").addEventListener("change", (event) => { state.mode = event.target.value; refine({ answer: false }); });
  at("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    remember("theme", document.documentElement.dataset.theme);
    themeLabel();
  });
  for (const button of document.querySelectorAll("[data-lang]")) button.addEventListener("click", () => { remember("lang", button.dataset.lang); speak(button.dataset.lang); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeLabel);
  // On a wide screen the filters stand beside the answer and are always open.
  const wide = matchMedia("(min-width: 960px)");
  const widen = () => { at("filters").open = wide.matches; at("filters").querySelector("summary").tabIndex = wide.matches ? -1 : 0; };
  wide.addEventListener("change", widen);
  widen();
  addEventListener("popstate", restore);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("textarea");
    if (event.key === "Escape") escape();
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    at("question").focus();
    at("question").select();
  });
}

const theme = remembered("theme");
if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
const lang = remembered("lang") ?? navigator.language.slice(0, 2);
listen();
speak(["ru", "uk", "be", "kk"].includes(lang) ? "ru" : "en");
restore();
pollStatus();
if (!state.query && matchMedia("(hover: hover) and (pointer: fine)").matches) at("question").focus();
