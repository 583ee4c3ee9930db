// Search, charts that can be explored, and maps of any month. Every page reads well without this file.

const words = JSON.parse(document.documentElement.dataset.words ?? "{}");
const say = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const language = document.documentElement.lang;

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[’']/g, "");

function search(form) {
  const box = form.querySelector("input");
  const list = form.querySelector("ul");
  const said = form.querySelector("[role=status]");
  let entries = null;
  let active = -1;
  form.hidden = false;

  const load = async () => {
    if (entries) return;
    const { forces, partnerships, places } = await (await fetch(form.dataset.search)).json();
    entries = forces.map(([name, slug, known]) => ({ name, where: say("Police force"), href: `${slug}/`, known }));
    for (const [name, partnership, force, slug, known] of places) {
      const where = [...new Set([partnerships[partnership], forces[force][0]])].join(", ");
      entries.push({ name, where, href: `${forces[force][1]}/${slug}/`, known });
    }
    for (const entry of entries) {
      entry.key = fold(entry.name);
      entry.all = `${entry.key} ${fold(entry.where)}`;
    }
  };

  const rank = (entry, words) => {
    if (!words.every((word) => entry.all.includes(word))) return -1;
    const text = words.join(" ");
    if (entry.key === text) return 4;
    if (entry.key.startsWith(text)) return 3;
    return words.some((word) => entry.key.includes(word)) ? 2 : 1;
  };

  const select = (index) => {
    const options = [...list.children];
    active = options.length ? (index + options.length) % options.length : -1;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active < 0) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  };

  const show = async () => {
    await load();
    const words = fold(box.value).split(/\s+/).filter(Boolean);
    const found = words.length
      ? entries.map((entry) => [rank(entry, words), entry]).filter(([score]) => score >= 0)
      : [];
    found.sort(([a, x], [b, y]) => b - a || x.name.localeCompare(y.name) || x.where.localeCompare(y.where));
    list.replaceChildren(
      ...found.slice(0, 10).map(([, entry], i) => {
        const option = document.createElement("li");
        option.id = `found-${i}`;
        option.setAttribute("role", "option");
        option.dataset.href = form.dataset.root + entry.href;
        const where = document.createElement("small");
        where.textContent = entry.where;
        option.append(entry.name, " ", where);
        if (!entry.known) {
          const mark = document.createElement("span");
          mark.className = "unknown";
          mark.textContent = say("latest month not known");
          option.append(mark);
        }
        return option;
      }),
    );
    list.hidden = !found.length;
    box.setAttribute("aria-expanded", String(!list.hidden));
    said.textContent = !words.length
      ? ""
      : found.length > 10
        ? say("{count} places found; the first 10 are listed. Type more to narrow them.", { count: found.length })
        : found.length === 1
          ? say("1 place found.")
          : say("{count} places found.", { count: found.length });
    select(found.length ? 0 : -1);
  };

  const go = () => {
    const option = list.children[active];
    if (option) location.href = option.dataset.href;
  };
  box.addEventListener("focus", load, { once: true });
  box.addEventListener("input", show);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") select(active + 1);
    else if (event.key === "ArrowUp") select(active - 1);
    else if (event.key === "Escape") list.replaceChildren(), (list.hidden = true), select(-1);
    else return;
    event.preventDefault();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await show();
    go();
  });
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) location.href = option.dataset.href;
  });
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The table of the page is the data of the chart: one copy, so they cannot differ.
function readTable(table) {
  const months = [...table.querySelectorAll("[data-month]")].reverse();
  return months.map((cell) => {
    const number = cell.textContent.replace(/[^\d-]/g, "");
    return { month: cell.dataset.month, part: "part" in cell.dataset, late: "late" in cell.dataset, count: number === "" ? null : Number(number) };
  });
}

function gapsOf(rows) {
  const gaps = [];
  const half = 15 * 86400000;
  rows.forEach((row, i) => {
    if (row.count !== null) return;
    const at = Date.parse(row.month);
    if (i && rows[i - 1].count === null) gaps.at(-1)[1] = at + half;
    else gaps.push([at - half, at + half]);
  });
  return gaps;
}

async function explore(chart, table, place) {
  await new Promise((done, failed) => {
    if (window.Plotly) return done();
    const script = document.createElement("script");
    script.src = chart.dataset.plotly;
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
  const figure = await (await fetch(chart.dataset.figure)).json();
  const rows = readTable(table);
  const months = rows.map((row) => row.month);
  const ink = colour("--ink");
  Object.assign(figure.data[0], { x: months, y: rows.map((row) => (row.part ? null : row.count)), line: { color: colour("--link") } });
  Object.assign(figure.data[1], { x: months, y: rows.map((row) => (row.part ? row.count : null)) });
  figure.data[1].marker.color = colour("--unknown");
  Object.assign(figure.layout, {
    paper_bgcolor: colour("--paper"),
    plot_bgcolor: colour("--paper"),
    font: { color: ink, family: "system-ui, sans-serif", size: 14 },
    shapes: gapsOf(rows).map(([x0, x1]) => ({
      type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, layer: "below",
      fillcolor: colour("--hatch-ground"), line: { color: colour("--hatch"), width: 1, dash: "dot" },
    })),
    annotations: [
      ...gapsOf(rows).map(([x0, x1]) => ({
        x: (x0 + x1) / 2, xref: "x", y: 0.5, yref: "paper", text: say("not known"), showarrow: false,
        textangle: x1 - x0 < 200 * 86400000 ? -90 : 0, font: { color: colour("--unknown") }, bgcolor: colour("--hatch-ground"),
      })),
      ...rows.filter((row) => row.late).map((row) => ({
        x: row.month, y: row.count, text: say("recorded late"), font: { color: colour("--unknown") }, arrowcolor: colour("--unknown"),
      })),
    ],
  });
  figure.layout.xaxis.gridcolor = figure.layout.yaxis.gridcolor = colour("--line");
  await window.Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] });
}

// The chart replaces its picture once it is seen; the picture stays where data is dear or the chart cannot be had.
function chart(figure) {
  const place = figure.querySelector("[data-chart-place]");
  const table = figure.parentElement.querySelector("[data-chart-table]");
  const show = async () => {
    try {
      await explore(figure, table, place);
      figure.querySelector("svg.trend").remove();
    } catch {
      place.replaceChildren();
    }
  };
  if (navigator.connection?.saveData) return;
  whenNear(figure, show);
}

const monthName = (month) =>
  new Date(`${month}-01T12:00:00Z`).toLocaleDateString(language, { month: "long", year: "numeric", timeZone: "UTC" });
const withCommas = (number) => number.toLocaleString(language);

const shadeOf = (count, bounds, part) => {
  if (count === null) return "missing";
  if (count === 0) return "zero";
  const above = bounds.filter((bound) => count > bound).length;
  return `s${above + 1}${part ? " short" : ""}`;
};

const saidOf = (count, part) => {
  if (count === null) return say("not known");
  return `${withCommas(count)} ${count === 1 ? say("crime") : say("crimes")}${part ? `, ${say("supplied in part")}` : ""}`;
};

function labelled(name, words, options) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.name = name;
  for (const [value, text] of options) select.add(new Option(text, value));
  label.append(words, " ", select);
  return [label, select];
}

// A month and a kind are chosen in the address too, so that a link leads to the same map.
async function mapChooser(section) {
  const codes = (kind) => section.querySelectorAll(`${kind}[data-code]`);
  const controls = section.querySelector("[data-controls]");
  const index = await (await fetch(`${section.dataset.map}index.json`)).json();
  const shown = [...index.months].reverse();
  const figures = {};
  const figuresOf = async (month) => (figures[month] ??= await (await fetch(`${section.dataset.map}${month}/${section.dataset.force}.json`)).json());
  const { not_owed: notOwed } = await figuresOf(shown[0]);
  const [monthLabel, month] = labelled("month", say("Month"), shown.map((each) => [each, monthName(each)]));
  const [kindLabel, kind] = labelled("kind", say("Kind"), index.kinds.filter((_, place) => !notOwed.includes(place)).map((each) => [each, each]));
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  controls.className = "controls";
  controls.append(monthLabel, kindLabel, said);

  const legend = (bounds) => {
    const list = section.querySelector("[data-legend]");
    if (!list) return;
    const lows = [1, ...bounds.map((bound) => bound + 1)];
    const labels = lows.map((low, i) =>
      i === bounds.length ? say("{low} or more", { low: withCommas(low) }) : low === bounds[i] ? `${low}` : say("{low} to {high}", { low: withCommas(low), high: withCommas(bounds[i]) }),
    );
    const items = [...list.children];
    const swatch = items[0];
    list.replaceChildren(
      ...items.slice(0, 2),
      ...labels.map((text, i) => {
        const item = swatch.cloneNode(true);
        item.querySelector("rect").setAttribute("class", `s${i + 1}`);
        item.lastChild.textContent = text;
        return item;
      }),
    );
  };

  const show = async () => {
    const asked = `${month.value} ${kind.value}`;
    const { kinds, status } = await figuresOf(month.value);
    if (asked !== `${month.value} ${kind.value}`) return;
    const number = index.kinds.indexOf(kind.value);
    const count = Object.fromEntries([...codes("td")].map((cell) => [cell.dataset.code, kinds[number]?.[cell.dataset.place] ?? null]));
    const bounds = index.shades.areas[number];
    const part = status === "partial";
    for (const path of codes("path")) {
      const value = count[path.dataset.code];
      const title = path.querySelector("title");
      path.setAttribute("class", shadeOf(value, bounds, part));
      title.textContent = `${title.textContent.replace(/:[^:]*$/, "")}: ${saidOf(value, part)}`;
    }
    for (const text of codes("text")) text.textContent = count[text.dataset.code] === null ? "?" : withCommas(count[text.dataset.code]);
    for (const cell of codes("td")) {
      const value = count[cell.dataset.code];
      const mark = document.createElement("span");
      mark.className = value === null ? "unknown" : "part";
      mark.textContent = value === null ? say("not known") : part ? say("in part") : "";
      cell.replaceChildren(...(value === null ? [mark] : [withCommas(value), " ", mark]));
    }
    section.querySelector("[data-chosen]").textContent = monthName(month.value);
    legend(bounds);
    const values = Object.values(count);
    const zero = values.filter((value) => value === 0).length;
    const unknown = values.filter((value) => value === null).length;
    said.textContent = say("{kind}, {month}: {some} areas with crimes, {zero} with none, {unknown} not known.", {
      kind: kind.value, month: monthName(month.value), some: values.length - zero - unknown, zero, unknown,
    });
  };

  const fromAddress = async () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    const wanted = asked.get("month");
    const has = (select, value) => [...select.options].some((option) => option.value === value);
    month.value = has(month, wanted) ? wanted : shown[0];
    kind.value = has(kind, asked.get("kind")) ? asked.get("kind") : index.kinds[0];
    await show();
    if (wanted && !has(month, wanted)) said.textContent = `${say("There are no figures for “{month}”.", { month: wanted })} ${said.textContent}`;
  };

  for (const select of [month, kind]) {
    select.addEventListener("change", () => {
      history.replaceState(null, "", `#${new URLSearchParams({ month: month.value, kind: kind.value })}`);
      show();
    });
  }
  window.addEventListener("hashchange", fromAddress);
  if (/month=|kind=/.test(location.hash)) fromAddress();
}

// What only some readers reach is fetched when it comes near the screen, not before.
function whenNear(element, act) {
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      act();
    },
    { rootMargin: "200px" },
  );
  near.observe(element);
}

for (const section of document.querySelectorAll("[data-map]")) {
  if (/month=|kind=/.test(location.hash)) mapChooser(section);
  else whenNear(section, () => mapChooser(section));
}
document.querySelectorAll("form[data-search]").forEach(search);
const idle = window.requestIdleCallback ?? setTimeout;
window.addEventListener("load", () => idle(() => document.querySelectorAll("[data-chart]").forEach(chart)));
