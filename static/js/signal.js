// Whether there is signal, what waits on this device, and the worker that keeps pages on it.

import { open } from "./dialog.js";
import { count, send, words } from "./outbox.js";

const { outbox } = globalThis;
const { member, person, organization, seen, anonymous } = document.documentElement.dataset;
const DAY = 86_400_000;
const page = (id) => document.getElementById(id);
let reached = seen === undefined; // what the browser calls online may still reach nobody
let mine = [];

export const pagesKept = async () => (await caches.keys()).filter((name) => name.startsWith("pages/"));
export const forgetPages = async () => Promise.all((await pagesKept()).map((name) => caches.delete(name)));

export function at(instant) {
  const date = new Date(+instant);
  const time = { hour: "2-digit", minute: "2-digit" };
  return date.toLocaleString(document.documentElement.lang, Date.now() - date < DAY / 2 ? time : { weekday: "short", day: "numeric", month: "short", ...time });
}

/** One sentence about the queue, the most pressing thing first; "" when nothing waits. */
function queued() {
  const number = (test) => mine.filter(test).length;
  const pressing = [
    ["fix", (row) => row.state === "fix"],
    ["signIn", (row) => row.state === "sign_in"],
    ["forbidden", (row) => row.state === "forbidden"],
    ["old", (row) => Date.now() - Date.parse(row.made_at) > DAY],
  ];
  for (const [name, test] of pressing) if (number(test)) return count(name, number(test));
  return mine.length ? count(number((row) => row.kind === "visit") === mine.length ? "visits" : "queued", mine.length) : "";
}

/** Links to pages this device does not keep say so, for as long as there is no signal. */
async function markLinks(off) {
  const kept = new Set();
  if (off) for (const name of await pagesKept()) for (const { url } of await (await caches.open(name)).keys()) kept.add(url);
  for (const link of document.querySelectorAll("a[href^='/']")) {
    const needs = off && !kept.has(link.href.replace(/#.*/, ""));
    link.toggleAttribute("data-needs-signal", needs);
    if (needs) link.dataset.needsSignal = link.title = words().needs;
    else if (link.title === words().needs) link.removeAttribute("title");
  }
}

async function show() {
  if (!member) return;
  mine = (await outbox.rows().catch(() => [])).filter((row) => row.person === person);
  const off = !navigator.onLine || !reached;
  const waits = queued();
  const banner = page("signal");
  banner.hidden = !off && !mine.some((row) => row.state !== "waiting" || Date.now() - Date.parse(row.made_at) > DAY);
  const told = [off && words().offline, seen && words().seen.replace("%t", at(seen)), waits].filter(Boolean).join(" ");
  if (banner.querySelector("span").textContent !== told) banner.querySelector("span").textContent = told;
  banner.querySelector("a").hidden = !mine.length;
  const foot = page("status");
  foot.querySelector("span").textContent = waits || (off ? words().offline : words().synced);
  for (const use of [foot, banner].map((place) => place.querySelector("use")))
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, off ? "#wifi-off" : mine.length ? "#cloud-upload" : "#circle-check"));
  for (const badge of document.querySelectorAll("outbox-badge")) {
    badge.hidden = !mine.length;
    badge.querySelector("b").textContent = mine.length;
    badge.querySelector("a").ariaLabel = count("queued", mine.length);
  }
  (mine.length ? navigator.setAppBadge?.(mine.length) : navigator.clearAppBadge?.())?.catch(() => {});
  await markLinks(off);
}

new BroadcastChannel("outbox").onmessage = ({ data }) => {
  reached = data.reached ?? reached;
  show();
};
for (const kind of ["online", "offline"])
  addEventListener(kind, () => {
    reached = navigator.onLine;
    show();
  });
document.addEventListener("htmx:afterSettle", () => show());

// A fragment that cannot come: the whole page, where this device keeps it.
document.addEventListener("htmx:sendError", async ({ detail: { requestConfig } }) => {
  if (requestConfig.verb !== "get") return;
  const url = new URL(requestConfig.path, location.href);
  if (await caches.match(url.href, { ignoreVary: true })) location.assign(url);
});

if (member && "serviceWorker" in navigator) {
  const register = async () => {
    const { ready, controller } = navigator.serviceWorker;
    await navigator.serviceWorker.register("/worker.js", { scope: "/", updateViaCache: "none" });
    const wanted = document.querySelector("meta[name=offline-keep]")?.content.split(/\s+/).filter(Boolean) ?? [];
    const own = [`/o/${organization}/outbox/`, `/o/${organization}/offline/`];
    if (!controller) own.push(location.href); // the very first page came before there was a worker
    if (navigator.onLine && !navigator.connection?.saveData) (await ready).active.postMessage({ keep: [...own, ...wanted] });
  };
  document.readyState === "complete" ? register() : addEventListener("load", register);
  navigator.serviceWorker.addEventListener("message", () => show());
}
// Nobody is signed in here: what is kept waits for whoever was, and is wiped for anyone else (see the worker).
if (anonymous !== undefined && globalThis.caches) {
  caches.open("locked");
  outbox.learn("who", "").catch(() => {});
}

async function signOut(form) {
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft/")) localStorage.removeItem(key);
  await Promise.all([forgetPages(), outbox.learn("who", "")]).catch(() => {});
  HTMLFormElement.prototype.submit.call(form);
}
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!globalThis.caches || form.getAttribute("action") !== "/accounts/logout/") return;
  event.preventDefault();
  const waiting = (await outbox.rows().catch(() => [])).length;
  const dialog = page("sign-out");
  if (!waiting || !dialog) return signOut(form);
  document.querySelectorAll("[popover]:popover-open").forEach((menu) => menu.hidePopover());
  dialog.querySelector("[data-how-many]").textContent = count("leaving", waiting);
  dialog.querySelector("[data-leave]").onclick = () => signOut(form);
  open(dialog);
});

show();
document.addEventListener("click", (event) => event.target.closest("[data-send]") && send());
