// Passing messages. The server renders <toast-note>; scripts call toast().

import { land } from "./dialog.js";

const words = () => document.getElementById("words")?.dataset ?? {};
const LASTS = 7000;

class ToastNote extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => event.target.closest("[data-close]") && this.close());
    // Once the undo is asked for, the message has done its work.
    this.addEventListener("htmx:afterRequest", () => this.remove());
    for (const kind of ["pointerenter", "focusin"]) this.addEventListener(kind, () => clearTimeout(this.timer));
    for (const kind of ["pointerleave", "focusout"]) this.addEventListener(kind, () => this.wait());
    this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    // An error stays until it is read and closed.
    if (!this.matches(".bad, .error")) this.timer = setTimeout(() => this.remove(), LASTS);
  }

  close() {
    if (this.querySelector(":focus-visible")) land();
    this.remove();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }
}
customElements.define("toast-note", ToastNote);

/** Show one sentence; ``level`` is ok, info, warn or bad. The same sentence is not stacked twice. */
export function toast(text, level = "info") {
  const box = document.getElementById("toasts");
  if (!box || !text || [...box.querySelectorAll(".toast-text")].some((shown) => shown.textContent === text)) return;
  const note = document.createElement("toast-note");
  note.className = `toast ${level}`;
  const sentence = document.createElement("span");
  sentence.className = "toast-text";
  sentence.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn ic sm";
  close.dataset.close = "";
  close.ariaLabel = words().close ?? "";
  close.textContent = "×";
  note.append(sentence, close);
  box.append(note);
}

/** Say something to screen readers only. */
export function announce(text) {
  const live = document.getElementById("live");
  if (live) live.textContent = text;
}

export { words };
