// Figures under the pointer and under the arrow keys, for charts that the server has drawn.
// uPlot stands where the SVG stands, at its size and with its colours; all words and figures come from the table below.
(() => {
"use strict";

const COLUMN = 0.7, PALE = "45%", GAP = 10;

function read(chart) {
  const rows = [...chart.querySelectorAll("tr[data-values]")];
  const heads = [...chart.querySelectorAll("thead th")].slice(1);
  return {
    top: Number(chart.dataset.top),
    step: Number(chart.dataset.step),
    columns: heads.map((head) => head.textContent),
    labels: rows.map((row) => row.querySelector("th").textContent),
    figures: rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)),
    values: rows.map((row) => row.dataset.values.split(" ").map(Number)),
    means: rows.map((row) => ("mean" in row.dataset ? Number(row.dataset.mean) : null)),
    unfinished: rows.map((row) => "unfinished" in row.dataset),
  };
}

// Asked of what is on the page, so that one place names the colours and light and dark follow.
function colours(chart, field) {
  const style = (name, what) => getComputedStyle(chart.querySelector(name) ?? chart)[what];
  return {
    series: [...chart.querySelectorAll(".legend .key")].map((key) => getComputedStyle(key).backgroundColor),
    grid: style(".grid", "stroke"),
    mean: style(".mean", "stroke"),
    ground: getComputedStyle(field.closest(".card") ?? document.body).backgroundColor,
  };
}

// What lies below each part of a bar, and where the part ends.
function stacked(values) {
  const parts = values[0].map((_, series) => values.map((row) => Math.max(row[series], 0)));
  const below = values.map(() => 0);
  return parts.map((part) => {
    const from = [...below];
    part.forEach((value, place) => { below[place] += value; });
    return { from, to: [...below] };
  });
}

function bars({ from, to }, colour, between, unfinished) {
  const pale = `color-mix(in srgb, ${colour} ${PALE}, transparent)`;
  const all = (values) => ({ unit: 3, values: () => values });
  const disp = {
    y0: all(from),
    y1: all(to),
    fill: all(unfinished.map((rest) => (rest ? pale : colour))),
    stroke: all(unfinished.map(() => between)),
  };
  const width = between === null ? 0 : 1;
  return { paths: uPlot.paths.bars({ size: [COLUMN, Infinity], disp }), width, fill: colour, stroke: between, points: { show: false } };
}

// Its figures stand beside the plot already.
function grid(steps, stroke) {
  return { size: 0, ticks: { show: false }, grid: { stroke, width: 1 }, splits: () => steps, values: () => steps.map(() => "") };
}

// The line stands in the middle of a bar.
const onto = (plot, left, top) => [left < 0 ? left : plot.valToPos(plot.posToIdx(left), "x"), top];
const sizeOf = (field) => ({ width: field.clientWidth, height: field.clientHeight });

function options(data, paint, fine, field, told) {
  const steps = Array.from({ length: Math.round(data.top / data.step) + 1 }, (_, place) => place * data.step);
  const series = stacked(data.values).map((part, place) =>
    bars(part, paint.series[place], place === 0 || fine ? null : paint.ground, data.unfinished));
  return {
    ...sizeOf(field),
    padding: [0, 0, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, move: onto },
    scales: { x: { time: false, range: [-0.5, data.labels.length - 0.5] }, y: { range: [0, data.top] } },
    axes: [{ show: false }, grid(steps, paint.grid)],
    series: [{}, ...series, { stroke: paint.mean, width: 1.75, points: { show: false } }],
    hooks: { setCursor: [told] },
  };
}

function line(words, key) {
  const row = document.createElement("span");
  if (key) row.append(Object.assign(document.createElement("i"), { className: key }));
  for (const word of words) row.append(Object.assign(document.createElement("span"), { textContent: word }));
  return row;
}

function fill(tip, data, place) {
  const day = Object.assign(document.createElement("b"), { textContent: data.labels[place] });
  const parts = data.values[place].length;
  const key = (at) => (at < parts ? `key key-${at + 1}` : "");
  const rows = data.columns.map((name, at) => line([name, data.figures[place][at]], key(at)));
  tip.replaceChildren(day, ...rows);
}

function spoken(data, place) {
  return [data.labels[place], ...data.columns.map((name, at) => `${name} ${data.figures[place][at]}`)].join(", ");
}

function makeLive(chart) {
  const field = chart.querySelector(".chart-field");
  const fine = field.querySelector(".chart-fine") !== null;
  const data = read(chart);
  const stage = Object.assign(document.createElement("div"), { className: "chart-live", tabIndex: 0, role: "slider" });
  const tip = Object.assign(document.createElement("div"), { className: "chart-tip", hidden: true });
  const last = data.labels.length - 1;
  let drawn = null, place = null;

  Object.assign(stage, { ariaLabel: chart.dataset.label, ariaValueMin: 0, ariaValueMax: last });
  tell(null);

  function tell(at) {
    place = at;
    tip.hidden = at === null;
    Object.assign(stage, { ariaValueNow: at ?? last, ariaValueText: spoken(data, at ?? last) });
    if (at === null) return;
    fill(tip, data, at);
    const middle = ((at + 0.5) / (last + 1)) * field.clientWidth;
    const beside = at > last / 2 ? middle - tip.offsetWidth - GAP : middle + GAP;
    tip.style.left = `${Math.max(Math.min(beside, field.clientWidth - tip.offsetWidth), 0)}px`;
  }

  function draw() {
    drawn?.destroy();
    const columns = stacked(data.values).map((part) => part.to);
    const paint = colours(chart, field);
    const told = (plot) => tell(plot.cursor.left >= 0 ? plot.cursor.idx : null);
    const places = data.labels.map((_, at) => at);
    drawn = new uPlot(options(data, paint, fine, field, told), [places, ...columns, data.means], stage);
  }

  function go(at) {
    const left = at === null ? -10 : drawn.valToPos(at, "x");
    drawn.setCursor({ left, top: left < 0 ? -10 : 0 });
  }

  stage.addEventListener("keydown", (event) => {
    const here = place ?? last + 1;
    const to = { ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to === null ? null : Math.min(Math.max(to, 0), last));
  });
  stage.addEventListener("focusout", () => go(null));

  field.append(stage, tip);
  draw();
  new ResizeObserver(() => drawn.setSize(sizeOf(field))).observe(field);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

const TO_DO = "[data-chart]:not(:has(.chart-live))";

function begin(root) {
  [...(root.matches(TO_DO) ? [root] : []), ...root.querySelectorAll(TO_DO)].forEach(makeLive);
}

begin(document.body);
document.addEventListener("htmx:load", (event) => begin(event.detail.elt));
})();
