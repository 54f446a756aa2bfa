// Shortcuts of the whole site. Letters act only outside fields, and not at all where <html data-letters="off">.

const PLACES = { h: "/today/", c: "/clients/", p: "/dashboard/", r: "/rotation/" };
let waitingForPlace = 0;

/** Whether a plain letter belongs to what the person is typing in, or to an open dialog or menu. */
export function lettersOff(event) {
  const inField = event.target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const covered = document.querySelector("dialog[open], [popover]:popover-open");
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  return Boolean(inField || covered || modified || event.defaultPrevented || document.documentElement.dataset.letters === "off");
}

function search() {
  const field = document.getElementById("global-search");
  if (field?.offsetParent) {
    field.focus();
    field.select();
  } else {
    document.querySelector(".topbar a.only-phone")?.click();
  }
}

function go(letter) {
  const place = PLACES[letter];
  const link = place && [...document.querySelectorAll(".nav-item")].find((item) => new URL(item.href).pathname.endsWith(place));
  link?.click();
  return Boolean(link);
}

function nextView() {
  const views = [...document.querySelectorAll("[data-views] > a")];
  const here = views.findIndex((view) => view.hasAttribute("aria-current"));
  views[(here + 1) % views.length]?.click();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    search();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.target.closest?.("form")?.requestSubmit();
    return;
  }
  if (lettersOff(event)) return;
  const key = event.key.toLowerCase();
  if (Date.now() - waitingForPlace < 1500 && go(key)) {
    waitingForPlace = 0;
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  waitingForPlace = key === "g" ? Date.now() : 0;
  const act = {
    "/": search,
    "?": () => document.getElementById("shortcuts")?.showModal(),
    n: () => document.querySelector(".plus, [data-new-visit]")?.click(),
    v: nextView,
    z: () => [...document.querySelectorAll("[data-undo]")].at(-1)?.click(),
  }[key];
  if (act) {
    event.preventDefault();
    act();
  }
});
