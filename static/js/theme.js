// The person's theme takes effect at once; the form still saves it on the server.

import { csrf } from "./htmx.js";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-theme-form]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const theme = event.submitter.value;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme; // the system's own
  form.querySelectorAll("[aria-pressed]").forEach((button) => button.setAttribute("aria-pressed", String(button === event.submitter)));
  const body = new FormData(form, event.submitter);
  try {
    await fetch(form.action, { method: "POST", body, headers: { "X-CSRFToken": csrf() }, redirect: "manual" });
  } catch {
    // Without signal the choice lasts for this page only; it is asked for again another day.
  }
});
