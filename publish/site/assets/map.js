// The map of the country: areas by zoom, a month and a kind of crime, and a table of what is in view.
// A figure is a number, zero, or not known; what has not been loaded yet is drawn as none of them.

const root = document.querySelector("[data-country-map]");
const here = (name) => new URL(root.dataset[name], document.baseURI).href;
const words = JSON.parse(document.documentElement.dataset.words ?? "{}");
const say = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);

const LEVELS = [
  ["forces", 3, 7],
  ["neighbourhoods", 7, 10],
  ["areas", 10, 24],
];
const MISSING = -1;
const STREETS = 13;
const GATHERED = 11;
const MOST_ROWS = 300;

const json = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
};
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const language = document.documentElement.lang;
const monthName = (month) =>
  new Date(`${month}-01T12:00:00Z`).toLocaleDateString(language, { month: "long", year: "numeric", timeZone: "UTC" });
const number = (count) => count.toLocaleString(language);
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

// What the page is told by its address, and tells it: #month=2019-09&kind=Burglary&at=12/51.5/-1.2
const address = {
  read() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const [zoom, latitude, longitude] = (asked.get("at") ?? "").split("/").map(Number);
    const at = [zoom, latitude, longitude].every(Number.isFinite) && Math.abs(latitude) <= 85 ? { zoom, center: [longitude, latitude] } : null;
    return { month: asked.get("month"), kind: asked.get("kind"), at };
  },
  write(state, map) {
    const { lng, lat } = map.getCenter();
    const at = [map.getZoom().toFixed(2), lat.toFixed(4), lng.toFixed(4)].join("/");
    const text = new URLSearchParams({ month: state.month, kind: state.index.kinds[state.kind], at }).toString();
    history.replaceState(null, "", `#${text.replaceAll("%2F", "/")}`);
  },
};

const loaded = new Map();
// Each file is asked for once; one that could not be had may be asked for again.
const once = (url) => {
  if (!loaded.has(url)) loaded.set(url, json(url).catch((error) => (loaded.delete(url), Promise.reject(error))));
  return loaded.get(url);
};

function pattern(draw, size) {
  const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const pen = canvas.getContext("2d");
  draw(pen, size);
  return pen.getImageData(0, 0, size, size);
}

const hatch = () =>
  pattern((pen, size) => {
    pen.fillStyle = colour("--hatch-ground");
    pen.fillRect(0, 0, size, size);
    pen.strokeStyle = colour("--hatch");
    pen.lineWidth = size / 5;
    for (const start of [-size, 0, size]) {
      pen.beginPath();
      pen.moveTo(start - 2, size + 2);
      pen.lineTo(start + size + 2, -2);
      pen.stroke();
    }
  }, 16);

const dots = () =>
  pattern((pen, size) => {
    pen.fillStyle = colour("--card");
    pen.fillRect(0, 0, size, size);
    pen.fillStyle = colour("--quiet");
    pen.beginPath();
    pen.arc(size / 2, size / 2, size / 8, 0, 7);
    pen.fill();
  }, 18);

const ground = () => ({ id: "ground", type: "background", paint: { "background-color": colour("--ground") } });

function areaLayers() {
  const shade = ["coalesce", ["feature-state", "shade"], -9];
  return LEVELS.flatMap(([level, minzoom, maxzoom]) => {
    const common = { source: "areas", "source-layer": level, minzoom, maxzoom };
    const fills = [1, 2, 3, 4, 5].flatMap((step) => [step, colour(`--s${step}`)]);
    return [
      { ...common, id: `${level}-number`, type: "fill", paint: { "fill-color": ["match", shade, ...fills, "rgba(0,0,0,0)"], "fill-opacity": 0.88 } },
      { ...common, id: `${level}-zero`, type: "fill", paint: { "fill-pattern": "dots", "fill-opacity": ["case", ["==", shade, 0], 1, 0] } },
      { ...common, id: `${level}-missing`, type: "fill", paint: { "fill-pattern": "hatch", "fill-opacity": ["case", ["==", shade, MISSING], 1, 0] } },
      { ...common, id: `${level}-line`, type: "line", paint: {
        "line-color": ["case", ["boolean", ["feature-state", "chosen"], false], colour("--ink"), ["==", shade, MISSING], colour("--hatch"), colour("--line-on-map")],
        "line-width": ["case", ["boolean", ["feature-state", "chosen"], false], 3, ["boolean", ["feature-state", "part"], false], 2, level === "forces" ? 1 : 0.6],
      } },
    ];
  });
}

function pointLayers(state) {
  const silent = state.silent();
  const hollow = ["in", ["get", "of"], ["literal", silent]];
  const size = (small, large) => ["interpolate", ["linear"], ["sqrt", ["get", "n"]], 1, small, 20, large];
  const paint = (small, large) => ({
    "circle-radius": size(small, large),
    "circle-color": ["case", hollow, "rgba(0,0,0,0)", colour("--point")],
    "circle-opacity": 0.85,
    "circle-stroke-color": ["case", hollow, colour("--unknown"), colour("--card")],
    "circle-stroke-width": ["case", hollow, 2, 1],
  });
  const filter = ["==", ["get", "kind"], state.kind];
  return [
    { id: "gathered", type: "circle", source: "gathered", "source-layer": "gathered", minzoom: GATHERED, maxzoom: STREETS, filter, paint: paint(3, 22) },
    { id: "points", type: "circle", source: "points", "source-layer": "points", minzoom: STREETS, filter, paint: paint(5, 26) },
  ];
}

class State {
  constructor(index, places) {
    this.index = index;
    this.places = places;
    this.forces = Object.fromEntries(index.forces.map((force, place) => [force.slug, { ...force, place }]));
    this.month = index.months.at(-1);
    this.kind = 0;
    this.counts = { forces: null, neighbourhoods: null };
    this.byForce = new Map();
  }

  url(name) {
    return `${here("figures")}${this.month}/${name}.json`;
  }

  async load() {
    const asked = `${this.month} ${this.kind}`;
    const counts = await once(this.url(`kind-${this.kind}`));
    if (asked === `${this.month} ${this.kind}`) this.counts = counts;
  }

  async loadForce(slug) {
    const month = this.month;
    const figures = await once(this.url(slug));
    if (month === this.month) this.byForce.set(slug, figures);
  }

  // Forces that supplied no figure for the month and kind shown.
  silent() {
    return this.index.forces.filter((force, place) => this.counts.forces?.[place] === null && force.size).map((force) => force.slug);
  }

  // A number, null where it is not known, or undefined where it has not been loaded.
  count(level, id, slug) {
    if (level !== "areas") return this.counts[level]?.[id];
    const figures = this.byForce.get(slug);
    if (!figures) return undefined;
    const list = figures.kinds[this.kind];
    return list ? list[id - this.forces[slug].first] : null;
  }

  isPart(slug) {
    return this.byForce.get(slug)?.status === "partial";
  }

  shade(level, count) {
    if (count === null) return MISSING;
    if (count === 0) return 0;
    return this.index.shades[level][this.kind].filter((bound) => count > bound).length + 1;
  }

  // The figure in words, with why there is none.
  said(count, slug) {
    if (count === undefined) return say("loading");
    const figures = this.byForce.get(slug);
    if (count === null) return figures?.not_owed.includes(this.kind) ? say("not part of what the force supplies") : say("not known");
    const noun = this.kind === 1 ? (count === 1 ? say("incident") : say("incidents")) : (count === 1 ? say("crime") : say("crimes"));
    return `${number(count)} ${noun}${this.isPart(slug) ? `, ${say("supplied in part")}` : ""}`;
  }

  name(level, feature) {
    if (level === "forces") return this.index.forces[feature.id].name;
    if (level === "neighbourhoods") return this.places.places[feature.id][0];
    return feature.properties.name;
  }

  href(level, feature) {
    const slug = feature.properties.force;
    const page = level === "forces" ? null : this.places.places[level === "areas" ? feature.properties.place : feature.id][3];
    return `${here("root")}${slug}/${page ? `${page}/` : ""}`;
  }
}

class CountryMap {
  constructor(state, library, map) {
    this.state = state;
    this.library = library;
    this.map = map;
    this.labels = [];
    this.status = root.querySelector("[data-said]");
    this.detail = root.querySelector("[data-detail]");
    this.body = root.querySelector("[data-table] tbody");
  }

  level() {
    const zoom = this.map.getZoom();
    return LEVELS.find(([, from, to]) => zoom >= from && zoom < to)?.[0] ?? "forces";
  }

  // Forces whose area reaches into the view.
  near() {
    const bounds = this.map.getBounds();
    return this.state.index.forces.filter(
      ({ bounds: box }) => box && box[0] <= bounds.getEast() && box[2] >= bounds.getWest() && box[1] <= bounds.getNorth() && box[3] >= bounds.getSouth(),
    );
  }

  paint(level, id, slug) {
    const count = this.state.count(level, id, slug);
    const at = { source: "areas", sourceLayer: level, id };
    if (count === undefined) this.map.removeFeatureState(at, "shade");
    else this.map.setFeatureState(at, { shade: this.state.shade(level, count), part: this.state.isPart(slug) });
  }

  // A change of month or kind: nothing of the one before may stay on the map.
  async change() {
    const { state, map } = this;
    state.byForce.clear();
    state.counts = { forces: null, neighbourhoods: null };
    for (const [level] of LEVELS) map.removeFeatureState({ source: "areas", sourceLayer: level });
    const asked = `${state.month} ${state.kind}`;
    this.status.textContent = say("Loading {month}…", { month: monthName(state.month) });
    try {
      await state.load();
    } catch {
      this.status.textContent = say("The figures of {month} could not be loaded. Try again, or use the pages of the forces.", { month: monthName(state.month) });
      return;
    }
    if (asked !== `${state.month} ${state.kind}`) return;
    state.index.forces.forEach((force, id) => this.paint("forces", id, force.slug));
    state.places.places.forEach(([, , force], id) => this.paint("neighbourhoods", id, state.index.forces[force].slug));
    this.label();
    this.points();
    this.legend();
    await this.moved();
  }

  // A force without figures has its name and state written across its area, above every point.
  label() {
    for (const label of this.labels) label.remove();
    this.labels = this.state.index.forces
      .filter((force) => force.at && this.state.silent().includes(force.slug))
      .map((force) => {
        const text = element("span", { className: "map-label" }, force.name, element("b", { textContent: say("not known") }));
        return new this.library.Marker({ element: text }).setLngLat(force.at).addTo(this.map);
      });
  }

  points() {
    const { map, state } = this;
    for (const id of ["gathered", "points"]) {
      if (map.getLayer(id)) map.removeLayer(id);
      if (map.getSource(id)) map.removeSource(id);
    }
    if (!state.index.points.includes(state.month)) return;
    const tiles = [`pmtiles://${here("figures")}${state.month}.pmtiles/{z}/{x}/{y}`];
    map.addSource("gathered", { type: "vector", tiles, minzoom: GATHERED, maxzoom: GATHERED });
    map.addSource("points", { type: "vector", tiles, minzoom: STREETS, maxzoom: STREETS });
    for (const layer of pointLayers(state)) map.addLayer(layer);
  }

  async moved() {
    const { state, map } = this;
    address.write(state, map);
    // From far away a name would cover the area that it speaks of; the sentence above the map has all names.
    root.classList.toggle("far", this.level() === "forces");
    if (this.level() === "areas") {
      const month = state.month;
      const wanted = this.near().filter(({ slug }) => !state.byForce.has(slug));
      const came = await Promise.allSettled(wanted.map(({ slug }) => state.loadForce(slug)));
      if (month !== state.month) return;
      wanted.forEach(({ slug, first, size }, i) => {
        if (came[i].status === "fulfilled") for (let id = first; id < first + size; id++) this.paint("areas", id, slug);
      });
    }
    this.legend();
    await this.list();
  }

  legend() {
    const bounds = this.state.index.shades[this.level()][this.state.kind];
    const lows = [1, ...bounds.map((bound) => bound + 1)];
    const items = [...root.querySelectorAll("[data-live] [data-legend] li")];
    items.filter((item) => item.dataset.shade).forEach((item) => item.remove());
    const list = root.querySelector("[data-live] [data-legend]");
    lows.forEach((low, i) => {
      const text = i === bounds.length ? say("{low} or more", { low: number(low) }) : low === bounds[i] ? number(low) : say("{low} to {high}", { low: number(low), high: number(bounds[i]) });
      const item = items[0].cloneNode(true);
      item.dataset.shade = i + 1;
      item.querySelector("rect").setAttribute("class", `s${i + 1}`);
      item.lastChild.textContent = text;
      list.append(item);
    });
    root.querySelector("[data-level]").textContent = { forces: say("by force"), neighbourhoods: say("by neighbourhood"), areas: say("by small area") }[this.level()];
  }

  // The table of what is in view, once the map has come to rest.
  async list() {
    const { map, state } = this;
    // What has just been added has no tiles to wait for yet: only a map at rest has drawn everything.
    if (!map.loaded() || !map.areTilesLoaded()) await new Promise((done) => map.once("idle", done));
    const level = this.level();
    const seen = new Map();
    for (const feature of map.queryRenderedFeatures({ layers: [`${level}-number`] })) if (!seen.has(feature.id)) seen.set(feature.id, feature);
    const rows = [...seen.values()]
      .map((feature) => ({ feature, name: state.name(level, feature), slug: feature.properties.force, count: state.count(level, feature.id, feature.properties.force) }))
      .sort((a, b) => a.name.localeCompare(b.name, language));
    this.rows = rows;
    this.body.replaceChildren(
      ...rows.slice(0, MOST_ROWS).map(({ feature, name, slug, count }) => {
        const figure = element("td", { className: "n" }, count === null ? element("span", { className: "unknown", textContent: state.said(count, slug) }) : state.said(count, slug));
        const head = element("th", { scope: "row" }, element("a", { href: state.href(level, feature), textContent: name }));
        if (level === "areas") head.append(" ", element("small", { textContent: feature.properties.code }));
        return element("tr", {}, head, figure, element("td", { textContent: state.forces[slug].name }));
      }),
    );
    const zero = rows.filter(({ count }) => count === 0).length;
    const missing = rows.filter(({ count }) => count === null).length;
    const silent = this.near().filter(({ slug }) => state.silent().includes(slug) && rows.some((row) => row.slug === slug));
    const parts = [
      say("{kind}, {month}.", { kind: state.index.kinds[state.kind], month: monthName(state.month) }),
      rows.length
        ? say("In view: {some} with crimes, {zero} with none, {missing} not known.", { some: number(rows.length - zero - missing), zero: number(zero), missing: number(missing) })
        : say("No area is in view."),
    ];
    if (silent.length) parts.push(say("No figures from {forces}.", { forces: silent.map((force) => force.name).join(", ") }));
    if (rows.length > MOST_ROWS) parts.push(say("The table lists the first {most}; the download has all.", { most: number(MOST_ROWS) }));
    this.status.textContent = parts.join(" ");
    root.dataset.ready = `${state.month} ${state.kind} ${level}`;
  }

  async choose(point) {
    const { map, state } = this;
    const level = this.level();
    const spots = ["points", "gathered"].filter((id) => map.getLayer(id));
    const spot = spots.length ? map.queryRenderedFeatures(point, { layers: spots })[0] : undefined;
    const [feature] = map.queryRenderedFeatures(point, { layers: [`${level}-number`] });
    if (this.chosen) map.setFeatureState(this.chosen, { chosen: false });
    this.chosen = null;
    if (!feature) return this.detail.replaceChildren();
    this.chosen = { source: "areas", sourceLayer: level, id: feature.id };
    map.setFeatureState(this.chosen, { chosen: true });
    const slug = feature.properties.force;
    await state.loadForce(slug).catch(() => {});
    const count = state.count(level, feature.id, slug);
    const figures = state.byForce.get(slug);
    const lines = [
      element("h2", {}, element("a", { href: state.href(level, feature), textContent: state.name(level, feature) })),
      element("p", {}, `${state.index.kinds[state.kind]}, ${monthName(state.month)}: `, element("b", { className: count === null ? "unknown" : "", textContent: state.said(count, slug) })),
    ];
    if (figures?.why && (count === null || figures.status === "partial")) lines.push(element("p", { textContent: `${state.forces[slug].name}: ${figures.why}.` }));
    if (count === null) lines.push(element("p", {}, element("strong", { textContent: say("This does not mean that there was no crime.") })));
    if (spot) {
      const { n, at, by } = spot.properties;
      const who = by && by !== slug ? ` (${state.forces[by]?.name ?? by})` : "";
      lines.push(element("p", { textContent: `${at || say("Around this point")}: ${number(n)}${who}` }));
    }
    this.detail.replaceChildren(...lines);
  }

  download() {
    const { state } = this;
    const cell = (text) => `"${String(text).replaceAll('"', '""')}"`;
    const level = this.level();
    const lines = this.rows.map(({ feature, name, slug, count }) => {
      const status = count === undefined ? "not loaded" : count === null ? "not known" : state.isPart(slug) ? "in part" : "complete";
      return [level === "areas" ? feature.properties.code : "", name, state.forces[slug].name, state.month, state.index.kinds[state.kind], count ?? "", status].map(cell).join(",");
    });
    const content = ["code,name,force,month,kind,count,status", ...lines, ""].join("\r\n");
    const link = element("a", { href: URL.createObjectURL(new Blob([content], { type: "text/csv" })), download: `map-${state.month}.csv` });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

function controls(country) {
  const { state } = country;
  const { months, kinds } = state.index;
  const slider = root.querySelector("[name=month]");
  const kind = root.querySelector("[name=kind]");
  const shown = root.querySelector("[data-month]");
  slider.max = months.length - 1;
  kind.replaceChildren(...kinds.map((name, place) => new Option(name, place)));
  const tell = () => {
    slider.value = months.indexOf(state.month);
    kind.value = state.kind;
    shown.textContent = monthName(state.month);
    slider.setAttribute("aria-valuetext", monthName(state.month));
  };
  const step = (by) => {
    const place = Math.min(Math.max(Number(slider.value) + by, 0), months.length - 1);
    state.month = months[place];
    tell();
    country.change();
  };
  slider.addEventListener("input", () => step(0));
  root.querySelector("[data-earlier]").addEventListener("click", () => step(-1));
  root.querySelector("[data-later]").addEventListener("click", () => step(1));
  kind.addEventListener("change", () => {
    state.kind = Number(kind.value);
    country.change();
  });
  root.querySelector("[data-download]").addEventListener("click", () => country.download());
  tell();
  return tell;
}

function script(url) {
  return new Promise((done, failed) => document.head.append(element("script", { src: url, onload: done, onerror: failed })));
}

function ask(state) {
  const asked = address.read();
  const { months, kinds } = state.index;
  state.month = months.includes(asked.month) ? asked.month : months.at(-1);
  state.kind = Math.max(kinds.indexOf(asked.kind), 0);
  return { at: asked.at, wrong: asked.month && !months.includes(asked.month) ? asked.month : null };
}

async function start() {
  document.head.append(element("link", { rel: "stylesheet", href: here("style") }));
  const [library, index, places] = await Promise.all([
    import(here("library")), json(`${here("figures")}index.json`), json(here("search")), script(here("tiles")),
  ]);
  library.setWorkerUrl(here("worker"));
  library.addProtocol("pmtiles", new window.pmtiles.Protocol().tile);
  const state = new State(index, places);
  const { at, wrong } = ask(state);
  const boxes = index.forces.map((force) => force.bounds).filter(Boolean);
  const whole = [0, 1, 2, 3].map((edge) => Math[edge < 2 ? "min" : "max"](...boxes.map((box) => box[edge])));
  const place = root.querySelector("[data-canvas]");
  root.querySelector("[data-still]").hidden = true;
  root.querySelector("[data-live]").hidden = false;
  const map = new library.Map({
    container: place,
    style: root.dataset.basemap ? new URL(root.dataset.basemap, location.href).href : { version: 8, sources: {}, layers: [ground()] },
    minZoom: 3,
    maxZoom: 17,
    ...(at ?? { bounds: whole, fitBoundsOptions: { padding: 16 } }),
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: { compact: false, customAttribution: index.attribution },
    canvasContextAttributes: { preserveDrawingBuffer: true },
    locale: words,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new library.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new library.ScaleControl({}), "top-left");
  map.getCanvas().setAttribute("aria-label", say("Map. Arrow keys move it, plus and minus zoom. The table below lists what is in view."));
  await new Promise((done) => map.once("load", done));
  map.addImage("hatch", hatch(), { pixelRatio: 2 });
  map.addImage("dots", dots(), { pixelRatio: 2 });
  map.addSource("areas", { type: "vector", url: `pmtiles://${here("areas")}` });
  for (const layer of areaLayers()) map.addLayer(layer);
  const country = new CountryMap(state, library, map);
  const tell = controls(country);
  await country.change();
  if (wrong) country.status.textContent = `${say("There are no figures for “{month}”.", { month: wrong })} ${country.status.textContent}`;
  map.on("moveend", () => country.moved());
  map.on("click", (event) => country.choose(event.point));
  window.addEventListener("hashchange", () => {
    const { at: place } = ask(state);
    tell();
    if (place) map.jumpTo(place);
    country.change();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
}

start().catch(() => {
  root.querySelector("[data-still]").hidden = false;
  root.querySelector("[data-live]").hidden = true;
  root.querySelector("[data-failed]").hidden = false;
});
