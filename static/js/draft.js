// What is typed into a form of the outbox survives a closed tab, for a week.

import { fill, words } from "./outbox.js";
import { at } from "./signal.js";

const WEEK = 7 * 86_400_000;
const { person } = document.documentElement.dataset;
const drafted = (event) => person && event.target.closest?.("form[data-outbox]");
const key = (form) => `draft/${person}/${form.getAttribute("action") ?? location.pathname}/${form.elements.client?.value ?? ""}`;
const hidden = (form, name) => name === "csrfmiddlewaretoken" || form.elements[name]?.type === "hidden";

function keep(event) {
  const form = drafted(event);
  if (!form) return;
  const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !hidden(form, name));
  try {
    localStorage.setItem(key(form), JSON.stringify({ made: Date.now(), fields }));
  } catch {
    // No room: what is typed is still in the form.
  }
}

function bring(form) {
  const { made, fields } = JSON.parse(localStorage.getItem(key(form)) ?? "{}");
  // A form that came back with the server’s words, or to be corrected, says more.
  if (!made || form.dataset.drafted || form.querySelector("[aria-invalid=true]") || location.hash.startsWith("#fix=")) return;
  if (Date.now() - made > WEEK) return localStorage.removeItem(key(form));
  form.dataset.drafted = made;
  fill(form, fields);
  const line = document.createElement("p");
  const drop = Object.assign(document.createElement("button"), { type: "button", className: "btn gho sm", textContent: words().draftDrop });
  line.className = "help draft-line";
  line.append(words().draft.replace("%t", at(made)), " ", drop);
  line.setAttribute("role", "status");
  form.prepend(line);
  drop.onclick = () => {
    localStorage.removeItem(key(form));
    line.remove();
    form.reset();
    form.dispatchEvent(new Event("change", { bubbles: true }));
    form.querySelector("input:not([type=hidden]), textarea")?.focus();
  };
}

const look = (root) => root.querySelectorAll("form[data-outbox]").forEach(bring);

if (person) {
  document.addEventListener("input", keep);
  // Before the outbox takes the form and lets nobody else hear of it.
  addEventListener("submit", (event) => drafted(event) && localStorage.removeItem(key(event.target)), true);
  document.addEventListener("htmx:load", ({ target }) => look(target));
  look(document);
}
