// <combo-box> turns the <select> inside it into a field one types in, after the ARIA combobox pattern. With data-url the
// server searches (?q=) and answers <li role="option" data-value="…">; without, the select's own options are searched.

import { words } from "./toast.js";

let serial = 0;
const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

class ComboBox extends HTMLElement {
  connectedCallback() {
    this.select = this.querySelector("select");
    if (!this.select || this.input) return;
    const id = `combo-${++serial}`;
    this.classList.add("combo");
    this.list = Object.assign(document.createElement("ul"), { id, hidden: true, role: "listbox" });
    this.input = Object.assign(document.createElement("input"), { className: "input", type: "text", role: "combobox", autocomplete: "off" });
    const label = this.select.labels?.[0];
    for (const [name, value] of Object.entries({ "aria-controls": id, "aria-expanded": "false", "aria-autocomplete": "list" })) this.input.setAttribute(name, value);
    for (const name of ["aria-describedby", "aria-invalid"]) if (this.select.hasAttribute(name)) this.input.setAttribute(name, this.select.getAttribute(name));
    if (label) {
      this.input.id = `${id}-field`;
      label.htmlFor = this.input.id;
      this.list.ariaLabel = label.textContent.trim();
    }
    this.input.required = this.select.required;
    this.select.required = false;
    this.input.value = this.chosen?.value ? this.chosen.text : "";
    this.input.placeholder = this.chosen?.value ? "" : (this.chosen?.text ?? "");
    this.select.hidden = true;
    this.append(this.input, this.list);
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.show());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.input.addEventListener("blur", () => this.left());
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.choose(option);
    });
  }

  get chosen() {
    return this.select.selectedOptions[0];
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), this.dataset.url ? 250 : 0);
  }

  async show() {
    const query = this.input.value === this.chosen?.text ? "" : this.input.value;
    if (this.dataset.url) {
      this.asking?.abort();
      this.asking = new AbortController();
      const url = new URL(this.dataset.url, location.href);
      url.searchParams.set("q", query);
      try {
        const answer = await fetch(url, { signal: this.asking.signal, headers: { "HX-Request": "true" } });
        if (!answer.ok) return;
        const sent = new DOMParser().parseFromString(await answer.text(), "text/html");
        this.fill([...sent.querySelectorAll("[role=option]")]);
      } catch {
        return; // superseded by the next letter, or no signal: the list stays as it was
      }
    } else {
      const wanted = plain(query);
      this.fill(
        [...this.select.options]
          .filter((option) => option.value && plain(option.text).includes(wanted))
          .map((option) => {
            const item = document.createElement("li");
            item.setAttribute("role", "option");
            item.dataset.value = option.value;
            item.textContent = option.text;
            return item;
          }),
      );
    }
  }

  fill(options) {
    options.forEach((option, position) => {
      option.id = `${this.list.id}-${position}`;
      option.ariaSelected = "false";
    });
    const none = Object.assign(document.createElement("li"), { className: "quiet", textContent: words().none ?? "" });
    this.list.replaceChildren(...(options.length ? options : [none]));
    this.list.hidden = false;
    this.input.ariaExpanded = "true";
    if (options.length && this.input.value) this.point(options[0]);
  }

  point(option) {
    this.options.forEach((one) => (one.ariaSelected = String(one === option)));
    this.input.setAttribute("aria-activedescendant", option?.id ?? "");
    option?.scrollIntoView({ block: "nearest" });
  }

  pressed(event) {
    const options = this.options;
    const here = options.findIndex((one) => one.ariaSelected === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) this.show();
      else this.point(options.at((here + (event.key === "ArrowDown" ? 1 : -1)) % options.length));
    } else if (event.key === "Enter" && !this.list.hidden && here >= 0) {
      event.preventDefault();
      this.choose(options[here]);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      this.hide();
    }
  }

  choose(option) {
    const { value } = option.dataset;
    const text = option.dataset.text ?? option.textContent.trim();
    if (![...this.select.options].some((one) => one.value === value)) this.select.add(new Option(text, value));
    this.select.value = value;
    this.input.value = text;
    this.hide();
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Words that chose nothing do not stay: the field says what will be sent. */
  left() {
    this.hide();
    if (!this.input.value && this.select.querySelector("option[value='']")) this.select.value = "";
    this.input.value = this.chosen?.value ? this.chosen.text : "";
  }

  hide() {
    this.list.hidden = true;
    this.input.ariaExpanded = "false";
    this.input.removeAttribute("aria-activedescendant");
  }
}
customElements.define("combo-box", ComboBox);
