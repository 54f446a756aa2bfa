// The panel beside a list ends where the window does, however far the page is scrolled, so that its buttons are in sight.

const beside = matchMedia("(width > 1180px)");
let asked = false;

function fit() {
  asked = false;
  for (const side of document.querySelectorAll(".split > .side")) {
    const top = Math.max(side.parentElement.getBoundingClientRect().top, 68);
    side.style.maxBlockSize = beside.matches ? `${Math.max(innerHeight - top - 20, 320)}px` : "";
  }
}

function ask() {
  if (!asked) requestAnimationFrame(fit);
  asked = true;
}

addEventListener("scroll", ask, { passive: true });
addEventListener("resize", ask);
document.addEventListener("htmx:afterSettle", ask);
fit();
