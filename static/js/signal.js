// The sidebar's foot says whether there is signal.

function tell() {
  const foot = document.getElementById("status");
  if (!foot) return;
  const on = navigator.onLine;
  foot.querySelector("span").textContent = on ? foot.dataset.online : foot.dataset.offline;
  const use = foot.querySelector("use");
  use?.setAttribute("href", use.getAttribute("href").replace(/#.*/, on ? "#circle-check" : "#wifi-off"));
}
for (const kind of ["online", "offline"]) addEventListener(kind, tell);
tell();
