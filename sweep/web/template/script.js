"use strict";
// The figures are plotly's, from the JSON in the page. The comparison is drawn from the table and
// from what the epochs have logged.
const COLOURS = ["#3987e5", "#e8a13a", "#2f9e6e", "#c2549d", "#8a63d2", "#c0503c", "#6b7683"];
const DASHES = ["solid", "dash", "dashdot"];
const MOST_MARKERS = 50;
const PRINT_WIDTH = 680; // pixels that fit on A4
const json = (id) => JSON.parse(document.getElementById(id).textContent);
const texts = json("texts");
const logs = json("logs");
const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--soft").trim();
const plots = () => [...document.querySelectorAll(".plot")].filter((plot) => plot.data);
const options = { responsive: true, displaylogo: false, scrollZoom: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

const draw = (plot, { data, layout }) => {
  layout.font.color = ink();
  layout.separators = texts.separators;
  return Plotly.react(plot, data, layout, options);
};
const recolour = (colour, size) =>
  plots().forEach((plot) => Plotly.relayout(plot, { "font.color": colour, ...size }));

addEventListener("DOMContentLoaded", () => {
  if (!window.Plotly) return;
  for (const plot of document.querySelectorAll("[data-figure]"))
    draw(plot, json("figure-" + plot.dataset.figure));
  for (const choice of document.querySelectorAll("select[data-for]")) {
    const plot = document.querySelector(`[data-figure="${choice.dataset.for}"]`);
    const show = () => draw(plot, json(`figure-${choice.dataset.for}-${choice.value}`));
    choice.addEventListener("change", show);
    if (choice.selectedIndex > 0) show();
  }
  compare();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => recolour(ink()));
addEventListener("beforeprint", () => recolour("#565d68", { width: PRINT_WIDTH }));
addEventListener("afterprint", () => recolour(ink(), { width: null, autosize: true }));

// The table: sorted by a click on a heading.
const table = document.getElementById("trials");
const body = table.tBodies[0];
const valueOf = (row, column) => {
  const cell = row.cells[column];
  return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
};
const compareValues = (a, b) => {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1; // numbers come before words
};
// A missing value comes last in both orders.
const order = (a, b, sign) => (a === "") - (b === "") || sign * compareValues(a, b);
const sortBy = (heading, column) => {
  const isDescending = heading.getAttribute("aria-sort") === "ascending";
  table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
  const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
  rows.sort(([a], [b]) => order(a, b, isDescending ? -1 : 1));
  body.append(...rows.map(([, row]) => row));
};
table.querySelectorAll("th button").forEach((button) =>
  button.addEventListener("click", () =>
    sortBy(button.parentElement, button.parentElement.cellIndex)));

// The comparison of the rows that are ticked.
const comparison = document.getElementById("comparison");
const metric = document.getElementById("compared-metric");
const compare = () => {
  const rows = [...body.rows].filter((row) => row.querySelector("input").checked);
  comparison.hidden = rows.length < 2;
  if (comparison.hidden) return;
  showDifferences(rows);
  if (window.Plotly) drawCompared(rows);
};
const showDifferences = (rows) => {
  const shown = document.getElementById("differences");
  const headings = [...table.tHead.rows[0].cells].slice(1);
  const lines = headings.map((heading) =>
    [heading.textContent, ...rows.map((row) => row.cells[heading.cellIndex])]);
  const differing = lines.filter(([, ...cells]) =>
    new Set(cells.map((cell) => cell.textContent)).size > 1);
  shown.replaceChildren(...differing.map(([name, ...cells]) => {
    const line = document.createElement("tr");
    const heading = document.createElement("th");
    heading.scope = "row";
    heading.textContent = name;
    const copies = cells.map((cell) => {
      const copy = document.createElement("td");
      copy.textContent = cell.textContent;
      copy.className = cell.className || "text";
      return copy;
    });
    line.append(heading, ...copies);
    return line;
  }));
};
const drawCompared = (rows) => {
  const plot = document.getElementById("compared");
  const layout = json("figure-courbes").layout;
  const name = metric.value;
  const inTraining = name.startsWith("val_") ? name.slice(4) : null;
  layout.yaxis.title = { text: name.replaceAll("&", "&amp;").replaceAll("<", "&lt;") };
  layout.uirevision = name;
  const data = rows.flatMap((row, index) => {
    const log = logs[row.dataset.id] || {};
    const title = `${texts.trial} ${row.dataset.trial}`;
    const round = Math.floor(index / COLOURS.length); // a colour comes again, with another dash
    const line = { color: COLOURS[index % COLOURS.length], width: 2.5, dash: DASHES[round % 3] };
    const values = log[name] || [];
    const mode = values.length > MOST_MARKERS ? "lines" : "lines+markers";
    const lines = [{ y: values, name: title, line, mode }];
    if (log[inTraining])
      lines.push({ y: log[inTraining], name: `${title}, ${texts.training}`,
        line: { ...line, dash: "dot", width: 1.5 }, mode: "lines" });
    return lines;
  });
  draw(plot, { data, layout });
};
body.addEventListener("change", compare);
metric.addEventListener("change", compare);

// A page that is served: it loads itself anew once the folders have changed, and keeps what its
// reader has chosen.
const KEPT = `sweep-report ${document.title}`;
const choices = () => [...document.querySelectorAll("select")];
const headings = () => [...table.querySelectorAll("th[scope]")];
const keep = () => sessionStorage.setItem(KEPT, JSON.stringify({
  chosen: choices().map((choice) => choice.selectedOptions[0]?.text),
  sorted: headings().filter((heading) => heading.hasAttribute("aria-sort"))
    .map((heading) => [heading.textContent, heading.getAttribute("aria-sort")]),
  ticked: [...body.rows].filter((row) => row.querySelector("input").checked)
    .map((row) => row.dataset.trial),
}));
const restore = () => {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
  if (!kept) return;
  choices().forEach((choice, place) => {
    const chosen = [...choice.options].find((option) => option.text === kept.chosen[place]);
    if (chosen) chosen.selected = true;
  });
  for (const [name, order] of kept.sorted) {
    const heading = headings().find((other) => other.textContent === name);
    while (heading && heading.getAttribute("aria-sort") !== order)
      sortBy(heading, heading.cellIndex);
  }
  for (const row of body.rows)
    row.querySelector("input").checked = kept.ticked.includes(row.dataset.trial);
};
const ASK_EVERY_MS = 3000;
if (texts.stamp) {
  restore();
  addEventListener("pagehide", keep);
  setInterval(async () => {
    const answer = await fetch("stamp").catch(() => null);
    if (answer?.ok && (await answer.json()) !== texts.stamp) location.reload();
  }, ASK_EVERY_MS);
}
