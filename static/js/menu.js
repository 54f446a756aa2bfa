// Popover menus: placed beside their button, walked with the arrows, as the ARIA patterns guide says.

const GAP = 6;

function place(menu, button) {
  if (menu.matches(".more, .me-menu") || !button) return;
  const box = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = box.bottom + GAP + height < innerHeight;
  menu.style.inset = "auto";
  menu.style.margin = "0";
  menu.style.left = `${Math.max(8, Math.min(box.right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? box.bottom + GAP : Math.max(8, box.top - GAP - height)}px`;
}

const items = (menu) => [...menu.querySelectorAll("a[href], button:not(:disabled)")];

document.addEventListener("click", (event) => {
  const button = event.target.closest("[popovertarget]");
  if (button) document.getElementById(button.getAttribute("popovertarget"))?.setAttribute("data-opener", (button.id ||= `opener-${Date.now()}`));
  const item = event.target.closest("[popover] .menu-item");
  if (item && !item.matches("[popovertarget]")) item.closest("[popover]").hidePopover();
}, true);

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("[popover]")) return;
  const button = document.getElementById(menu.dataset.opener);
  const opened = event.newState === "open";
  button?.setAttribute("aria-expanded", String(opened));
  if (!opened) return;
  place(menu, button);
  if (menu.role === "menu") items(menu)[0]?.focus();
}, true);

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu:popover-open");
  if (!menu || event.target.matches("input, select")) return;
  const all = items(menu);
  const here = all.indexOf(document.activeElement);
  const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  all.at(next % all.length)?.focus();
});
