// What every htmx request needs and no page repeats: the CSRF header, plain words when something fails, signing in
// again without losing the request, and a word when the signal is slow.

import { land, open } from "./dialog.js";
import { toast, words } from "./toast.js";

const SLOW = 3000;
const timers = new WeakMap();
let waiting = null; // the request that met an ended session

/** The cookie is read first: signing in again in another tab changes it, and the page's own copy is then stale. */
export function csrf() {
  const cookie = document.cookie.match(/(?:^|;\s*)(?:__Host-)?csrf=([^;]+)/);
  return cookie?.[1] ?? document.querySelector("meta[name=csrf-token]")?.content ?? "";
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrf();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { xhr, elt } = event.detail;
  timers.set(xhr, setTimeout(() => toast(words().slow, "info"), SLOW));
  elt.closest("[aria-busy]")?.setAttribute("aria-busy", "true");
});

document.addEventListener("htmx:afterRequest", (event) => {
  clearTimeout(timers.get(event.detail.xhr));
  event.detail.elt.closest("[aria-busy]")?.setAttribute("aria-busy", "false");
});

document.addEventListener("htmx:sendError", () => toast(words().offline, "warn"));
document.addEventListener("htmx:timeout", () => toast(words().offline, "warn"));

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status === 401) {
    waiting = requestConfig;
    open(document.getElementById("sign-in-again"), requestConfig.elt);
    return;
  }
  const said = xhr.getResponseHeader("X-Message"); // a sentence of the server's own, percent-encoded
  const known = { 403: "refused", 404: "gone", 429: "busy" }[xhr.status] ?? "error";
  toast(said ? decodeURIComponent(said) : words()[known], xhr.status >= 500 ? "bad" : "warn");
});

function repeat() {
  if (!waiting) return;
  const { verb, path, elt, target, parameters } = waiting;
  waiting = null;
  document.getElementById("sign-in-again")?.close();
  const values = { ...parameters };
  if ("csrfmiddlewaretoken" in values) values.csrfmiddlewaretoken = csrf();
  window.htmx.ajax(verb, path, { source: elt.isConnected ? elt : document.body, target, values });
}

document.addEventListener("click", (event) => event.target.closest("[data-repeat]") && repeat());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && repeat());

// The first field in error takes the focus, on a whole page and in a fragment alike.
const focusWrong = (root) => root.querySelector?.("[aria-invalid=true]:not([type=hidden])")?.focus();
document.addEventListener("htmx:afterSettle", (event) => focusWrong(event.detail.elt));
focusWrong(document.getElementById("content") ?? document);

// What has the focus may be swapped away: its like in what came has it next.
const named = (each) => each.getAttribute("aria-label") ?? (each.name || each.textContent.replace(/[\d\s]+/g, ""));
const alike = (at) => [...document.querySelectorAll(at.localName)].filter((each) => named(each) === named(at));
let at, place;

document.addEventListener("htmx:beforeSwap", () => {
  at = document.querySelector(":focus-visible:not(dialog *)");
  place = at && alike(at).indexOf(at);
});

document.addEventListener("htmx:afterSettle", () => {
  if (!at || at.isConnected || document.activeElement !== document.body) return;
  const same = alike(at).filter((each) => each.checkVisibility());
  if (same.length) same[Math.min(place, same.length - 1)].focus({ preventScroll: true });
  else land();
});

// A form that is being sent cannot be sent twice; its button keeps its width and says so.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented || event.target.method === "dialog" || button.closest("[data-theme-form]")) return;
  if (button.ariaBusy === "true") {
    event.preventDefault();
    return;
  }
  if (!button.matches(".pri, .okk") || button.closest("[hx-post], [data-hx-post]")) return;
  button.style.minWidth = `${button.offsetWidth}px`;
  const said = button.innerHTML;
  button.ariaBusy = "true";
  // After the form's data is gathered: the label may say "Salvando…" only then.
  setTimeout(() => button.dataset.saving !== undefined && (button.textContent = words().saving));
  setTimeout(() => {
    button.ariaBusy = null; // the answer was a file, or never came: the person may try again
    button.innerHTML = said;
  }, 10_000);
});
// A page gone "back" to finds its buttons ready again.
addEventListener("pageshow", () => document.querySelectorAll("button[aria-busy=true]").forEach((button) => button.removeAttribute("aria-busy")));
