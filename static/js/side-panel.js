// The panel beside a list ends where the window does, however far the page is scrolled, so that its buttons are in sight.
// A rule, for htmx carries an element's style attribute over a swap, which the policy forbids, and all inherit the root's.

const rule = new CSSStyleSheet();
document.adoptedStyleSheets.push(rule);
let was;

function fit() {
  const split = document.querySelector(".split:has(> .side)");
  if (!split) return;
  const room = innerHeight - Math.max(split.getBoundingClientRect().top, 68) - 20;
  if (room !== was) rule.replaceSync(`.side { --side-room: ${Math.max(room, 320)}px }`);
  was = room;
}

addEventListener("scroll", fit, { passive: true });
addEventListener("resize", fit);
document.addEventListener("htmx:afterSettle", fit);
fit();
