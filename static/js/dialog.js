// Native dialogs: who opens them, where focus returns, and when they close.

const openers = new WeakMap();

/** The focus to the row in the place of one that went, or the page. */
export function land() {
  if (!document.querySelector("bulk-table")?.resume?.()) document.getElementById("content")?.focus({ preventScroll: true });
}

export function open(dialog, opener = document.activeElement) {
  if (!dialog || dialog.open) return;
  openers.set(dialog, opener);
  dialog.showModal();
  // The first thing to answer takes the focus, not the close button; on a phone a text field would raise the keyboard.
  const touch = matchMedia("(pointer: coarse)").matches;
  const first = touch ? "[aria-invalid=true], [autofocus]" : "[aria-invalid=true], [autofocus], .dialog-body :is(input:not([type=hidden]), select, textarea)";
  dialog.querySelector(first)?.focus();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog) {
    event.preventDefault();
    document.querySelectorAll("[popover]:popover-open").forEach((menu) => menu.hidePopover());
    open(dialog, opener);
    return;
  }
  const inside = event.target.closest("dialog");
  if (inside && (event.target === inside || event.target.closest("[data-close]"))) inside.close();
});

document.addEventListener(
  "close",
  (event) => {
    if (!(event.target instanceof HTMLDialogElement)) return;
    const opener = openers.get(event.target);
    // A row swapped away: where the list went on to keeps the focus, or what came in its place has it.
    const again = opener?.isConnected ? opener : document.activeElement === document.body && document.getElementById(opener?.id);
    if (again) again.focus({ preventScroll: true });
    else if (again === null) land();
    if (event.target.parentElement?.id === "dialog-slot") event.target.remove();
  },
  true,
);

// A dialog that the server sends opens itself; the answer that ends its work says HX-Trigger: closeDialog.
document.addEventListener("htmx:load", (event) => {
  const sent = event.target.matches?.("dialog[data-open]") ? event.target : event.target.querySelector?.("dialog[data-open]");
  if (sent) open(sent);
});
document.addEventListener("closeDialog", () => document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close()));
document.querySelectorAll("dialog[data-open]").forEach((dialog) => open(dialog));
