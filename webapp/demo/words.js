// The words of the demo page in both languages, and the numbers, counts and dates that follow the language.
//
// Knows nothing of the page. Invariant: both languages have the same keys; a word is text or a function of its values,
// never markup.

const DAY_MS = 86_400_000;
let lang = "en";

export const language = () => lang;
export const languageSet = (next) => { lang = next; };

const WORDS = {
  ru: {
    page: "tga demo: спросите каналы", skip: "К вопросу", language: "Язык", clear: "Очистить", ask: "Спросить",
    title: "Спросите каналы, и они ответят", question_label: "Вопрос по каналам", placeholder: "О чём спросить каналы?",
    lead: (posts, channels) => `${posts} из ${channels} уже на этом компьютере. Ответ собирается только из них, у каждого утверждения есть ссылка на пост.`,
    lead_wait: "Посты загружаются. Ответ собирается только из них, у каждого утверждения есть ссылка на пост.",
    filters: "Где искать", filters_sum: (channels, period) => `${channels} · ${period}`, all_channels: "все каналы",
    period: "Когда", period_week: "Неделя", period_month: "Месяц", period_all: "Всё время", channels: "Каналы",
    try: "Попробуйте спросить", tags_top: "О чём пишут", hits: "Найденные посты", mode: "Как искать",
    mode_hybrid: "Вместе", mode_fulltext: "По словам", mode_vector: "По смыслу",
    no_model: "Поиск по смыслу выключен: нет модели.", embedding_wait: "Смысл ещё считается, выдача будет дополняться.",
    theme_dark: "Включить тёмную тему", theme_light: "Включить светлую тему",
    answer: "Ответ", nothing: "В этих каналах такого нет", nothing_text: "Уверенного ответа в постах не нашлось. Спросите другими словами или расширьте период и список каналов.",
    nearest: "Ближайшее из того, что есть", sources: "Источники", looking: "Ищу в каналах…",
    confidence_high: "Уверенность высокая", confidence_middle: "Уверенность средняя", confidence_low: "Уверенность низкая, проверьте по источникам",
    took: (ms) => `${ms} мс`, copy: "Скопировать", copied: "Скопировано", copy_failed: "Не удалось скопировать",
    open: "Открыть в Telegram", open_short: "Открыть", whole: "Целиком", back: "К ответу", source: (n) => `Источник ${n}`,
    found: (shown, total, ms) => `${shown} из ${total} · ${ms} мс`, none: "Ничего не найдено",
    none_text: "Попробуйте другой способ поиска, другие слова или уберите фильтры.", more: "Показать ещё",
    only_tag: (tag) => `Только с тегом «${tag}»`, remove: "убрать", short: "Напишите вопрос хотя бы из трёх знаков.",
    gone: "Сервер не отвечает", gone_text: "Возможно, tga demo остановлен. Запустите его снова в терминале и повторите.",
    locked: "Страница открыта без ключа", locked_text: "Откройте её заново по ссылке из терминала, где запущен tga demo.",
    busy: "Слишком много вопросов подряд", busy_text: "Вопрос сохранён, подождите немного.", wait: (s) => `Повторить через ${s} с`,
    failed: "Не получилось", failed_text: "Сервер ответил ошибкой. Вопрос сохранён, можно повторить.", slow: "Ответ не пришёл за минуту",
    request: (id) => `Номер запроса: ${id}`, retry: "Повторить",
    indexing: (n, all) => `Индексирую посты: ${n} из ${all}`, embedding: (n, all) => `Считаю смысл: ${n} из ${all}. Спрашивать уже можно.`,
    ready: (posts, model) => `Готово: ${posts}${model ? ` · модель ${model}` : " · без модели, поиск по словам"}`,
    invented: "Каналы, люди, компании и события выдуманы, поэтому ссылки на Telegram никуда не ведут. Всё работает на этом компьютере.",
    next_step: "Чтобы спрашивать свои каналы:", key_slash: "к вопросу", key_enter: "спросить", key_escape: "назад",
    posts: { one: "пост", few: "поста", many: "постов", other: "поста" },
    from_channels: { one: "канала", few: "каналов", many: "каналов", other: "канала" },
    n_channels: { one: "канал", few: "канала", many: "каналов", other: "канала" },
  },
  en: {
    page: "tga demo: ask your channels", skip: "Skip to the question", language: "Language", clear: "Clear", ask: "Ask",
    title: "Ask your channels, get an answer", question_label: "Question to the channels", placeholder: "What would you like to know?",
    lead: (posts, channels) => `${posts} from ${channels} are on this computer already. Answers come from them alone, and every statement links to its post.`,
    lead_wait: "Posts are loading. Answers come from them alone, and every statement links to its post.",
    filters: "Where to look", filters_sum: (channels, period) => `${channels} · ${period}`, all_channels: "all channels",
    period: "When", period_week: "Week", period_month: "Month", period_all: "All time", channels: "Channels",
    try: "Try asking", tags_top: "What they write about", hits: "Matching posts", mode: "How to search",
    mode_hybrid: "Both", mode_fulltext: "By words", mode_vector: "By meaning",
    no_model: "Search by meaning is off: there is no model.", embedding_wait: "Meaning is still being computed, results will grow.",
    theme_dark: "Switch to the dark theme", theme_light: "Switch to the light theme",
    answer: "Answer", nothing: "Nothing in these channels", nothing_text: "The posts hold no answer we could stand by. Ask in other words, or widen the period and the channels.",
    nearest: "The nearest there is", sources: "Sources", looking: "Looking through the channels…",
    confidence_high: "Confidence is high", confidence_middle: "Confidence is medium", confidence_low: "Confidence is low, check the sources",
    took: (ms) => `${ms} ms`, copy: "Copy", copied: "Copied", copy_failed: "Could not copy",
    open: "Open in Telegram", open_short: "Open", whole: "Show all", back: "To the answer", source: (n) => `Source ${n}`,
    found: (shown, total, ms) => `${shown} of ${total} · ${ms} ms`, none: "Nothing found",
    none_text: "Try another way of searching, other words, or remove the filters.", more: "Show more",
    only_tag: (tag) => `Only tagged “${tag}”`, remove: "remove", short: "Please write at least three characters.",
    gone: "The server does not answer", gone_text: "tga demo may have been stopped. Start it again in the terminal, then retry.",
    locked: "This page was opened without its key", locked_text: "Open the page again from the terminal where tga demo runs.",
    busy: "Too many questions at once", busy_text: "Your question is kept, please wait a little.", wait: (s) => `Retry in ${s} s`,
    failed: "That did not work", failed_text: "The server answered with an error. Your question is kept, you can retry.", slow: "No answer within a minute",
    request: (id) => `Request number: ${id}`, retry: "Retry",
    indexing: (n, all) => `Indexing posts: ${n} of ${all}`, embedding: (n, all) => `Computing meaning: ${n} of ${all}. You can ask already.`,
    ready: (posts, model) => `Ready: ${posts}${model ? ` · model ${model}` : " · no model, search by words"}`,
    invented: "Channels, people, companies and events are invented, so links to Telegram lead nowhere. Everything runs on this computer.",
    next_step: "To ask your own channels:", key_slash: "to the question", key_enter: "ask", key_escape: "back",
    posts: { one: "post", other: "posts" }, from_channels: { one: "channel", other: "channels" }, n_channels: { one: "channel", other: "channels" },
  },
};

export const say = (key, ...values) => {
  const word = WORDS[lang][key];
  return typeof word === "function" ? word(...values) : word;
};
export const count = (n) => new Intl.NumberFormat(lang).format(n);
export const counted = (n, key) => `${count(n)}\u00a0${WORDS[lang][key][new Intl.PluralRules(lang).select(n)]}`;

/** Within a week in words ("вчера, 14:20"), later as a date; the full moment apart. Null for what is no date. */
export function moment(value) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return null;
  const now = new Date();
  const midnight = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(date)) / DAY_MS);
  const format = (options) => new Intl.DateTimeFormat(lang, options).format(date);
  let shown;
  if (days >= 0 && days < 2) {
    const day = new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-days, "day");
    shown = `${day}, ${format({ hour: "2-digit", minute: "2-digit" })}`;
  } else if (days >= 2 && days < 7) {
    shown = new Intl.RelativeTimeFormat(lang, { numeric: "always" }).format(-days, "day");
  } else {
    const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
    shown = format({ day: "numeric", month: "long", ...year });
  }
  return { shown, whole: format({ dateStyle: "full", timeStyle: "short" }), iso: date.toISOString() };
}
