// Once, after the first saved visit, the person is invited to put Carteira on the home screen.
let install;
function invite() {
  const box = document.getElementById("install");
  const apple = navigator.standalone === false;
  if (!box || !localStorage.getItem("visits") || localStorage.getItem("invited") || !(install || apple)) return;
  box.querySelector("[data-apple]").hidden = !apple;
  box.querySelector("[data-install]").hidden = apple;
  box.hidden = false;
  box.onclick = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    localStorage.setItem("invited", "1");
    box.hidden = true;
    if (button.matches("[data-install]")) install.prompt();
  };
}
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  install = event;
  invite();
});
invite();
