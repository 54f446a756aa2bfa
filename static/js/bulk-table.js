// <bulk-table>: rows chosen and decided in numbers, by pointer or by keyboard. Without it the checkboxes and buttons
// inside are still a form that posts.
//
// Rows are <tr data-row="id" data-cents="…"> with a checkbox .pick; [data-pick-page] picks all; [data-bulk] is the bar,
// with [data-count], [data-sum], [data-pick-filter], [data-clear] and input[data-scope]; [data-act=approve|reject|postpone|change]
// are the decisions, in a row or in the bar; a link [data-open] opens the row's detail.

import { lettersOff } from "./keyboard.js";
import { announce, words } from "./toast.js";

const ACTS = { a: "approve", r: "reject", d: "postpone", e: "change" };

class BulkTable extends HTMLElement {
  connectedCallback() {
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.wholeFilter = false;
    this.addEventListener("change", (event) => this.changed(event), { signal });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.addEventListener("focusin", (event) => this.mark(event.target.closest("[data-row]")), { signal });
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
    document.addEventListener("htmx:beforeRequest", (event) => this.remember(event), { signal });
    document.addEventListener("htmx:afterSettle", () => this.settled(), { signal });
    this.count();
  }

  disconnectedCallback() {
    this.abort.abort();
  }

  get rows() {
    return [...this.querySelectorAll("[data-row]")];
  }

  get picked() {
    return this.rows.filter((row) => row.querySelector(".pick")?.checked);
  }

  get here() {
    return this.querySelector("[data-row][tabindex='0']") ?? this.querySelector("[data-row][aria-current]");
  }

  changed(event) {
    if (event.target.matches("[data-pick-page]")) this.pick(this.rows, event.target.checked);
    else if (event.target.matches(".pick")) {
      if (this.shift) this.pick(this.between(this.anchor, event.target.closest("[data-row]")), event.target.checked);
      this.anchor = event.target.closest("[data-row]")?.dataset.row;
    } else return;
    this.wholeFilter = false;
    this.count();
  }

  clicked(event) {
    this.shift = event.shiftKey;
    if (event.target.closest("[data-pick-filter]")) {
      this.wholeFilter = true;
      this.pick(this.rows, true);
      this.querySelector("[data-bulk] [data-act]")?.focus();
    } else if (event.target.closest("[data-clear]")) {
      this.clear();
      (this.here ?? this.rows[0])?.focus();
    } else {
      const link = event.target.closest("[data-open]");
      if (link) {
        this.rows.forEach((row) => row.removeAttribute("aria-current"));
        link.closest("[data-row]")?.setAttribute("aria-current", "true");
      }
      return;
    }
    this.count();
  }

  pick(rows, on) {
    for (const row of rows) {
      const box = row.querySelector(".pick");
      if (box) box.checked = on;
    }
  }

  clear() {
    this.wholeFilter = false;
    this.pick(this.rows, false);
    this.count();
  }

  between(id, row) {
    const rows = this.rows;
    const [from, to] = [rows.findIndex((one) => one.dataset.row === id), rows.indexOf(row)].sort((a, b) => a - b);
    return rows.slice(Math.max(from, 0), to + 1);
  }

  /** Write count and money into the bar; every number that travels with the form is the server's to count again. */
  count() {
    const picked = this.picked;
    const number = new Intl.NumberFormat(document.documentElement.lang);
    const total = this.wholeFilter ? Number(this.dataset.total) : picked.length;
    const cents = this.wholeFilter ? Number(this.dataset.totalCents) : picked.reduce((sum, row) => sum + Number(row.dataset.cents ?? 0), 0);
    const write = (name, text) => this.querySelectorAll(`[data-bulk] [${name}]`).forEach((spot) => (spot.textContent = text));
    write("data-count", number.format(total));
    write("data-count-word", total === 1 ? words().selectedOne : words().selected);
    write("data-sum", `${this.dataset.sign ?? ""}\u00a0${number.format(Math.round(cents / 100))}`);
    const bar = this.querySelector("[data-bulk]");
    bar?.toggleAttribute("data-open", total > 0);
    document.body.classList.toggle("has-bulk", total > 0);
    const scope = this.querySelector("[data-scope]");
    if (scope) scope.value = this.wholeFilter ? "filter" : "page";
    const offer = this.querySelector("[data-pick-filter]");
    if (offer) offer.hidden = this.wholeFilter || picked.length === 0 || Number(this.dataset.total) <= picked.length;
    const head = this.querySelector("[data-pick-page]");
    if (head) {
      head.checked = picked.length > 0 && picked.length === this.rows.length;
      head.indeterminate = picked.length > 0 && picked.length < this.rows.length;
    }
    if (this.said !== undefined && this.said !== total) announce(`${number.format(total)} ${total === 1 ? words().selectedOne : words().selected}`);
    this.said = total;
  }

  mark(row) {
    if (!row) return;
    this.rows.forEach((one) => (one.tabIndex = one === row ? 0 : -1));
  }

  move(step) {
    const rows = this.rows;
    const at = rows.indexOf(this.here);
    const row = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
    this.mark(row);
    row?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }

  pressed(event) {
    const onRow = event.target.matches?.("[data-row]");
    if (lettersOff(event) || (event.key.startsWith("Arrow") && !onRow)) return;
    const row = this.here;
    const key = event.key.toLowerCase();
    const box = row?.querySelector(".pick");
    if (key === "j" || key === "arrowdown") this.move(1);
    else if (key === "k" || key === "arrowup") this.move(-1);
    else if (key === "x" && box) {
      if (event.shiftKey) this.pick(this.between(this.anchor, row), true);
      else box.checked = !box.checked;
      this.anchor = row.dataset.row;
      this.wholeFilter = false;
      this.count();
    } else if (key === "escape" && this.picked.length) this.clear();
    else if (key === "enter" && row && (onRow || event.target === document.body)) row.querySelector("[data-open]")?.click();
    else if (ACTS[key]) {
      const where = this.picked.length ? this.querySelector("[data-bulk]") : row;
      const button = where?.querySelector(`[data-act=${ACTS[key]}]`);
      if (!button) return;
      button.click();
    } else return;
    event.preventDefault();
  }

  /** Before a row is decided, note which one comes next: that is where the focus goes. */
  remember(event) {
    const { elt, requestConfig } = event.detail;
    if (elt.closest?.("dialog")) return; // a reason being given for the row already noted
    const row = requestConfig.verb === "get" ? null : elt.closest?.("bulk-table [data-row]");
    const rows = this.rows;
    const at = rows.indexOf(row);
    this.next = row && { row, id: rows[at + 1]?.dataset.row, at };
  }

  settled() {
    this.count();
    // A dialog that asks for a reason comes between: the decision is its own, later request.
    if (!this.next || document.querySelector("dialog[open]")) return;
    if (this.next.row.isConnected) return;
    this.resume();
    this.next = null;
  }

  /** Take the focus to the row after the one just decided; after the last, to the link to more. True if there is one. */
  resume() {
    const rows = this.rows;
    const { id, at = 0 } = this.next ?? {};
    const row =
      rows.find((one) => one.dataset.row === id) ?? (at < rows.length - 1 ? null : this.querySelector("[rel=next]")) ?? rows[Math.min(at, rows.length - 1)];
    this.mark(row);
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
    return Boolean(row);
  }
}
customElements.define("bulk-table", BulkTable);
