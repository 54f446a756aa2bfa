// <client-map> draws the filtered clients over the outlines of the states, with Leaflet. Colour and form say the state, as the
// legend does; the same clients stand in the list beside it. Nothing waits for tiles, and without any of this the list remains.

// How much a point is filled, how thick its ring is, and how the ring is broken.
const FORMS = {
  active: [1, 1], at_risk: [0.45, 2], near_inactive: [0, 3], inactive: [1, 4], lost: [0, 1.5], prospect: [0, 2, "2 3"], discarded: [0, 1, "1 3"],
};

class ClientMap extends HTMLElement {
  async connectedCallback() {
    const { L } = window;
    if (!L || this.map) return;
    this.moves = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const calm = { zoomAnimation: this.moves, fadeAnimation: this.moves };
    this.map = L.map(this, { preferCanvas: true, zoomSnap: 0.5, minZoom: 3, maxZoom: 16, attributionControl: Boolean(this.dataset.tiles), ...calm });
    this.map.setView([-14.2, -52], 4);
    if (this.dataset.tiles) L.tileLayer(this.dataset.tiles, { maxZoom: 19, attribution: "© OpenStreetMap" }).addTo(this.map);
    this.layer = L.layerGroup().addTo(this.map);
    const ask = (url) => fetch(url).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    const [states, found] = await Promise.all([ask(this.dataset.states), ask(this.dataset.points)]);
    if (!this.isConnected) return;
    this.states = states;
    this.found = found?.points ?? [];
    const said = document.getElementById("map-said");
    if (said) said.textContent = found?.said ?? "";
    if (this.found.length) this.map.fitBounds(this.found.map(([, latitude, longitude]) => [latitude, longitude]), { padding: [24, 24], maxZoom: 12 });
    this.draw();
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.theme.addEventListener("change", () => this.draw());
    for (const link of document.querySelectorAll("[data-client]")) link.addEventListener("focus", () => this.show(link.dataset.client));
  }

  disconnectedCallback() {
    this.map?.remove();
    this.map = null;
  }

  /** Canvas knows no custom properties: colours are read where the page shows them. */
  draw() {
    const { L } = window;
    if (!this.map) return;
    this.layer.clearLayers();
    const { color, borderTopColor } = getComputedStyle(this);
    if (this.states) L.geoJSON(this.states, { interactive: false, style: { color: borderTopColor, weight: 1, fill: false } }).addTo(this.layer);
    this.marks = new Map();
    for (const [id, latitude, longitude, state, name] of this.found) {
      const pin = document.querySelector(`.pin.${state}`);
      const [filled, ring, dash] = FORMS[state] ?? [1, 1];
      const shade = pin ? getComputedStyle(pin).color : color;
      const mark = L.circleMarker([latitude, longitude], { radius: 7, color: shade, weight: ring, dashArray: dash, fillColor: shade, fillOpacity: filled });
      mark.bindTooltip(name).on("click", () => this.card(mark, id, name)).addTo(this.layer);
      this.marks.set(String(id), mark);
    }
  }

  card(mark, id, name) {
    const link = Object.assign(document.createElement("a"), { href: `${this.dataset.open}${id}/`, textContent: this.dataset.days });
    const title = Object.assign(document.createElement("b"), { textContent: name });
    const body = document.createElement("div");
    body.append(title, document.createElement("br"), link);
    mark.unbindPopup().bindPopup(body).openPopup();
  }

  show(id) {
    const mark = this.marks?.get(id);
    if (mark) this.map.panTo(mark.getLatLng(), { animate: this.moves }) && mark.openTooltip();
  }
}
customElements.define("client-map", ClientMap);
