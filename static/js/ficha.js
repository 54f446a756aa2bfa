// The client's page: after a call, message or mail begun by a tap, it offers to record it, with whom and how filled in.

import "./draft.js";
import { open } from "./dialog.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-talk]");
  const sheet = document.getElementById("talk");
  if (!link || !sheet) return;
  sheet.querySelector(`[name=kind][value=${link.dataset.talk}]`).checked = true;
  sheet.querySelector("[name=contact]").value = link.dataset.contact ?? "";
  // The dialler, or the other app, opens first; the sheet waits behind it.
  setTimeout(() => open(sheet, link), 300);
});

// On a narrow screen the row of tabs is longer than the screen: the one in force is brought into view.
function show() {
  const tab = document.querySelector("#client-tab .tab[aria-current]");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
}
document.addEventListener("htmx:afterSettle", show);
show();
