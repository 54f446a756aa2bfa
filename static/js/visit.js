// <visit-sheet>: wants what outcome and company ask; the place on a tap.

import "./draft.js";

customElements.define(
  "visit-sheet",
  class extends HTMLElement {
    connectedCallback() {
      const form = this.querySelector("form");
      const f = form.elements;
      const { latitude, longitude, radius, near, noted, denied } = this.dataset;
      const button = this.querySelector("[data-locate]");
      const asked = (each) => each.classList.contains("asks-" + f.outcome.value);
      form.onchange = () => {
        f.order_value.required = f.outcome.value === "sale";
        f.no_sale_reason[0].required = f.outcome.value === "no_sale";
        f.next_contact_on.required = !f.next_contact_in.value;
        for (const each of form.querySelectorAll(".asks")) each.querySelector("[name]").required = asked(each);
      };
      form.onchange();
      form.onclick = (event) => {
        if (event.detail && event.target.value === "sale") f.order_value.focus();
        if (event.target.type !== "submit" || f.latitude.value || f.outside_reason.value || !asked(button)) return;
        event.preventDefault();
        (this.className ? f.outside_reason : button).focus();
      };
      const say = (text) => (button.lastChild.textContent = text);
      button.onclick = () =>
        navigator.geolocation.getCurrentPosition(
          ({ coords, timestamp }) => {
            f.latitude.value = coords.latitude;
            f.longitude.value = coords.longitude;
            f.accuracy_m.value = coords.accuracy;
            f.fix_age_s.value = Math.max(0, (Date.now() - timestamp) / 1000);
            // Flat is near enough here.
            const metres = Math.round(111195 * Math.hypot(coords.latitude - latitude, (coords.longitude - longitude) * Math.cos(latitude / 57.3)));
            const far = latitude && metres > radius && coords.accuracy <= radius;
            f.outside_reason.required = far;
            this.className = far ? "far" : "near";
            say(latitude ? near.replace("#", metres.toLocaleString()) : noted);
          },
          () => {
            this.className = "placeless";
            say(denied);
          },
          { enableHighAccuracy: true, timeout: 15000 },
        );
    }
  },
);

// Without signal the sheet is a kept page.
document.addEventListener("htmx:sendError", ({ target }) => {
  if (target.matches("[data-sheet]")) location.assign(target.href);
});
