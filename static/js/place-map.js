// <place-map data-latitude="id" data-longitude="id"> draws the states with Leaflet; a click there fills the two fields it names,
// and what is typed in them moves the mark. By keyboard the arrows move the map and Enter takes its middle. Without it the fields do.

class PlaceMap extends HTMLElement {
  async connectedCallback() {
    const { L } = window;
    if (!L || this.map) return;
    this.fields = [this.dataset.latitude, this.dataset.longitude].map((id) => document.getElementById(id));
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches ? { zoomAnimation: false, fadeAnimation: false } : {};
    this.map = L.map(this, { preferCanvas: true, zoomSnap: 0.5, minZoom: 3, maxZoom: 16, attributionControl: Boolean(this.dataset.tiles), ...calm });
    const start = (this.dataset.start ?? "").split(",").map(Number);
    const here = this.place() ?? (start.length === 2 ? start : null);
    this.map.setView(here ?? [-14.2, -52], here ? (this.dataset.tiles ? 13 : 6.5) : 3.5);
    if (this.dataset.tiles) L.tileLayer(this.dataset.tiles, { maxZoom: 19, attribution: "© OpenStreetMap" }).addTo(this.map);
    for (const [name, ...at] of JSON.parse(this.dataset.cities ?? "[]")) {
      const dot = L.circleMarker(at, { radius: 3, stroke: false, fillColor: getComputedStyle(this).borderTopColor, fillOpacity: 1, interactive: false });
      dot.addTo(this.map).bindTooltip(document.createTextNode(name), { permanent: true, direction: "right", className: "city" });
    }
    this.show();
    for (const field of this.fields) field.addEventListener("change", () => this.show(true));
    this.map.on("click", ({ latlng }) => this.choose(latlng));
    this.addEventListener("keydown", (event) => {
      if (event.target !== this || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      this.choose(this.map.getCenter());
    });
    const answer = await fetch(this.dataset.states).catch(() => null);
    if (!answer?.ok || !this.isConnected) return;
    L.geoJSON(await answer.json(), { interactive: false, style: { color: getComputedStyle(this).borderTopColor, weight: 1, fill: false } }).addTo(this.map);
  }

  disconnectedCallback() {
    this.map?.remove();
    this.map = null;
  }

  place() {
    const [latitude, longitude] = this.fields.map(({ value }) => Number.parseFloat(value.replace(",", ".")));
    return Number.isFinite(latitude) && Number.isFinite(longitude) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? [latitude, longitude] : null;
  }

  show(follow = false) {
    const here = this.place();
    this.mark?.remove();
    if (!here) return;
    const { color } = getComputedStyle(this);
    this.mark = window.L.circleMarker(here, { radius: 9, color, weight: 3, fillColor: color, fillOpacity: 0.35 }).addTo(this.map);
    if (follow) this.map.panTo(here, { animate: false });
  }

  choose({ lat, lng }) {
    [lat, lng].forEach((number, at) => (this.fields[at].value = number.toFixed(5)));
    this.show();
    const said = document.getElementById(this.dataset.tells);
    if (said) said.textContent = `${this.dataset.chosen} ${this.fields.map(({ value }) => value).join(", ")}`;
  }
}
customElements.define("place-map", PlaceMap);
