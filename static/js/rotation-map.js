// <rotation-map> draws proposals over the states' outlines: ring = who has the client, core = who would. The area in view is part
// of the address, and the list beside it, counted by the server, follows. Without any of this that list remains.

import { lettersOff } from "./keyboard.js";

const ACTS = { a: "approve", r: "reject", d: "postpone" };
const ask = (url) => fetch(url).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);

class RotationMap extends HTMLElement {
  async connectedCallback() {
    const { L } = window;
    if (!L || this.map) return;
    this.abort = new AbortController();
    const { signal } = this.abort;
    const moves = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const map = (this.map = L.map(this, { preferCanvas: true, zoomSnap: 0.5, minZoom: 3, maxZoom: 16, attributionControl: Boolean(this.dataset.tiles), zoomAnimation: moves, fadeAnimation: moves }));
    map.setView([-14.2, -52], 4);
    if (this.dataset.tiles) L.tileLayer(this.dataset.tiles, { maxZoom: 19, attribution: "© OpenStreetMap" }).addTo(map);
    this.layer = L.layerGroup().addTo(map);
    this.states = await ask(this.dataset.states);
    await this.load();
    if (this.map !== map) return;
    const [south, west, north, east] = (this.address().searchParams.get("box") ?? "").split(",");
    const seen = east ? [[south, west], [north, east]] : this.found.points.map((point) => point.slice(1, 3));
    if (seen.length) map.fitBounds(seen, { animate: false, ...(east ? {} : { paddingTopLeft: [24, 24], paddingBottomRight: [124, 24], maxZoom: 11 }) });
    this.label();
    map.on("moveend", () => this.moved());
    document.addEventListener("mapChanged", () => this.load(), { signal });
    document.addEventListener("htmx:afterSettle", () => this.halo(), { signal });
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), { signal });
  }

  disconnectedCallback() {
    this.abort?.abort();
    this.map?.remove();
    this.map = null;
  }

  address(changes = {}) {
    const url = new URL(location);
    Object.entries(changes).forEach((change) => url.searchParams.set(...change));
    history.replaceState(history.state, "", url);
    return url;
  }

  async load() {
    this.found = (await ask(this.dataset.points)) ?? { points: [], bases: [], ways: [] };
    document.getElementById("map-said").textContent = this.found.said ?? "";
    this.draw();
  }

  /** Canvas knows no custom properties: colours are read where the page shows them. */
  draw() {
    const { L, getComputedStyle: style } = window;
    if (!this.map) return;
    this.layer.clearLayers();
    const { color: ink, borderTopColor: line, backgroundColor: paper } = style(this);
    const shades = [...this.querySelectorAll(".swatches i")].map((dot) => style(dot).backgroundColor);
    const shade = (id) => (id ? shades[(id - 1) % 8] : ink);
    const put = (mark) => mark.addTo(this.layer);
    const { points, bases, ways } = this.found;
    if (this.states) put(L.geoJSON(this.states, { interactive: false, style: { color: line, weight: 1, fill: false } }));
    for (const [id, ...ends] of ways) put(L.polyline(ends, { color: shade(id), weight: 1.5, dashArray: "5 5", interactive: false }));
    // The most valuable come first and are drawn last, on top.
    for (const [id, lat, lng, from, to, name] of [...points].reverse()) {
      const mark = put(L.circleMarker([lat, lng], { radius: 6, weight: 2.5, color: shade(from), fillColor: shade(to), fillOpacity: 1 }));
      if (name) mark.bindTooltip(name);
      mark.on("click", () => this.open(id));
    }
    this.bases = bases.map(([id, name, ...at]) => put(L.circleMarker(at, { radius: 8, weight: 2, color: paper, fillColor: shade(id), fillOpacity: 1 })).bindTooltip(name, { permanent: true, direction: "right", offset: [8, 0] }));
    this.label();
    this.halo();
  }

  /** Bases are named while there is room for their names: one that would lie on another waits until the map is nearer. */
  label() {
    const taken = [];
    for (const base of this.bases) {
      base.openTooltip();
      const box = base.getTooltip().getElement().getBoundingClientRect();
      if (taken.some((one) => Math.abs(box.top - one.top) < box.height && box.left < one.right && box.right > one.left)) base.closeTooltip();
      else taken.push(box);
    }
  }

  moved() {
    this.label();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const view = this.map.getBounds();
      const box = [view.getSouth(), view.getWest(), view.getNorth(), view.getEast()].map((degrees) => degrees.toFixed(4)).join();
      window.htmx.ajax("GET", this.address({ box }).href, { target: "#map-area", swap: "outerHTML" });
    }, 250);
  }

  open(id) {
    this.address({ open: id });
    window.htmx.ajax("GET", `${this.dataset.base}proposals/${id}/`, { target: "#review-detail", swap: "outerHTML" });
  }

  /** A wide ring about the proposal whose card is open. */
  halo() {
    this.wide?.remove();
    const point = this.found.points.find((one) => one[0] === Number(this.address().searchParams.get("open")));
    if (point) this.wide = window.L.circleMarker(point.slice(1, 3), { radius: 12, weight: 3, color: getComputedStyle(this).color, fill: false, interactive: false }).addTo(this.layer);
  }

  pressed(event) {
    if (lettersOff(event)) return;
    const step = { j: 1, k: -1 }[event.key.toLowerCase()];
    const links = [...document.querySelectorAll("#map-area li a")];
    const act = ACTS[event.key.toLowerCase()];
    if (step) links[Math.max(links.indexOf(document.activeElement) + step, 0)]?.focus();
    else if (act) {
      window.htmx.process(document.getElementById("review-detail")); // a quick finger is faster than its binding
      document.querySelector(`#review-detail [name=${act}]`)?.click();
    } else return;
    event.preventDefault();
  }
}
customElements.define("rotation-map", RotationMap);
