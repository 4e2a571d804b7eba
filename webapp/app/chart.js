// Charts drawn in the page: a line or bars of one series, its figure under the finger, a table behind it for screen readers.
//
// `series` is [{ at, value }], oldest first; a value that is null is a gap. Knows nothing of what is shown.

import { h, svg } from "./dom.js";
import { day, figure } from "./words.js";

const WIDTH = 320;
const HEIGHT = 96;
const FOOT = 2;

/** `kind` is "line" or "bars"; `say(value)` writes a value, `label(at)` a moment. */
export function chart(title, series, { kind = "bars", say = figure, label = day, total } = {}) {
  const known = series.filter(({ value }) => value !== null && value !== undefined);
  const top = Math.max(...known.map(({ value }) => value), 0) || 1;
  const step = WIDTH / Math.max(series.length, 1);
  const y = (value) => HEIGHT - FOOT - (value / top) * (HEIGHT - FOOT - 4);
  const shape = kind === "line" ? lines(series, step, y) : bars(series, step, y);
  const cursor = svg("line", { class: "chart-cursor", x1: 0, x2: 0, y1: 0, y2: HEIGHT, visibility: "hidden" });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: `chart-picture ${kind}`, "aria-hidden": "true" },
    svg("line", { class: "chart-foot", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }), shape, cursor);
  const resting = total ?? (known.length > 0 ? say(known.at(-1).value) : "—");
  const shown = h("output", {}, resting);
  const moment = h("small", {}, "");
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const at = Math.min(series.length - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * series.length)));
    const point = series[at];
    if (!point) return;
    shown.textContent = point.value === null || point.value === undefined ? "—" : say(point.value);
    moment.textContent = label(point.at);
    cursor.setAttribute("visibility", "visible");
    cursor.setAttribute("x1", (at + 0.5) * step);
    cursor.setAttribute("x2", (at + 0.5) * step);
  });
  picture.addEventListener("pointerleave", () => {
    shown.textContent = resting;
    moment.textContent = "";
    cursor.setAttribute("visibility", "hidden");
  });
  // A table takes the height of its rows whatever it is told, so the box around it is what is not seen.
  const behind = h("div", { class: "unseen" }, h("table", {}, h("caption", {}, title),
    h("tbody", {}, series.map(({ at, value }) => h("tr", {}, h("th", { scope: "row" }, label(at)), h("td", {}, value === null || value === undefined ? "—" : say(value)))))));
  return h("figure", { class: "chart card padded" }, h("figcaption", {}, h("span", {}, title), shown, moment), picture, behind);
}

function bars(series, step, y) {
  const gap = Math.min(2, step / 4);
  return svg("g", {}, series.map(({ value }, at) => (value ? svg("rect", { x: at * step + gap / 2, width: step - gap, y: y(value), height: HEIGHT - FOOT - y(value), rx: Math.min(2, step / 4) }) : null)));
}

function lines(series, step, y) {
  let path = "";
  let pen = "M";
  series.forEach(({ value }, at) => {
    if (value === null || value === undefined) {
      pen = "M";
      return;
    }
    path += `${pen}${((at + 0.5) * step).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return svg("path", { d: path, "vector-effect": "non-scaling-stroke" });
}
