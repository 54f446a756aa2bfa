// The panel beside a list ends where the window does, however far the page is scrolled, so that its buttons are in sight.
// The height goes on the root: htmx carries an element's style attribute over a swap, which the policy of the page forbids.

let asked = false;

function fit() {
  asked = false;
  const split = document.querySelector(".split:has(> .side)");
  if (!split) return;
  const room = innerHeight - Math.max(split.getBoundingClientRect().top, 68) - 20;
  document.documentElement.style.setProperty("--side-room", `${Math.max(room, 320)}px`);
}

function ask() {
  if (!asked) requestAnimationFrame(fit);
  asked = true;
}

addEventListener("scroll", ask, { passive: true });
addEventListener("resize", ask);
document.addEventListener("htmx:afterSettle", ask);
fit();
