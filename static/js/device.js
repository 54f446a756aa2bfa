// The pages built on the device: the outbox, the list of kept pages, and what the profile says this device holds.

import { send } from "./outbox.js";
import { open } from "./dialog.js";
import { at, forgetPages, pagesKept } from "./signal.js";

const { outbox } = globalThis;
const { person } = document.documentElement.dataset;
const copy = (element, name) => element.querySelector(`template[data-${name}]`).content.cloneNode(true);

class OutboxList extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("ul");
    this.sending = this.leaving = "";
    this.sent = new Map(); // rows that went while the page was open
    new BroadcastChannel("outbox").onmessage = ({ data }) => {
      if ("sending" in data) this.sending = data.sending;
      else if ("said" in data) this.sending = "";
      if (data.sent && this.shown?.has(data.sent)) this.sent.set(data.sent, this.shown.get(data.sent));
      this.draw();
    };
    this.addEventListener("click", ({ target }) => target.closest("[data-drop]") && this.ask(target.closest("li"), target));
    document.getElementById("drop-row").addEventListener("click", ({ target }) => target.closest("[data-yes]") && outbox.drop(this.leaving));
    this.draw();
  }

  ask(item, opener) {
    const dialog = document.getElementById("drop-row");
    this.leaving = item.dataset.id;
    dialog.querySelector("[data-what]").textContent = item.querySelector("b").textContent;
    open(dialog, opener);
  }

  item(row, state) {
    const item = copy(this, "row").firstElementChild;
    item.dataset.id = row.id;
    item.querySelector("b").textContent = row.label || item.dataset[row.kind] || item.dataset.other;
    item.querySelector("[data-made]").textContent = at(Date.parse(row.made_at));
    item.querySelector("[data-why]").textContent = state === "sent" ? "" : row.error || item.querySelector(`[data-reason=${state}]`)?.textContent || "";
    for (const part of item.querySelectorAll("[data-for]")) if (!part.dataset.for.split(" ").includes(state)) part.remove();
    const mend = item.querySelector("[data-mend]");
    if (mend) mend.href = `${row.form || row.page}#fix=${row.id}`;
    return item;
  }

  async draw() {
    const rows = await outbox.rows().catch(() => []);
    const mine = rows.filter((row) => row.person === person);
    this.shown = new Map(mine.map((row) => [row.id, row]));
    const items = [...[...this.sent.values()].map((row) => this.item(row, "sent")), ...mine.map((row) => this.item(row, row.id === this.sending ? "sending" : row.state))];
    this.list.replaceChildren(...items);
    this.list.hidden = !items.length;
    this.querySelector("[data-empty]").hidden = Boolean(items.length);
    this.querySelector("[data-others]").hidden = mine.length === rows.length;
    this.dataset.drawn = mine.length;
  }
}
customElements.define("outbox-list", OutboxList);

class KeptPages extends HTMLElement {
  async connectedCallback() {
    const found = [];
    for (const name of await pagesKept()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const kept = await cache.match(request, { ignoreVary: true });
        const title = new DOMParser().parseFromString(await kept.text(), "text/html").title.replace(/ · [^·]*$/, "");
        if (!/\/(offline|outbox)\/$/.test(request.url)) found.push([title, request.url, Number(kept.headers.get("X-Seen"))]);
      }
    }
    const list = this.querySelector("ul");
    for (const [title, url, seen] of found.sort()) {
      const item = copy(this, "page");
      Object.assign(item.querySelector("a"), { href: url });
      item.querySelector("b").textContent = title;
      item.querySelector("small").append(` ${at(seen)}`);
      list.append(item);
    }
    list.hidden = !found.length;
    this.querySelector("[data-empty]").hidden = Boolean(found.length);
  }
}
customElements.define("kept-pages", KeptPages);

class DeviceHolds extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", async ({ target }) => {
      if (!target.closest("[data-clear]")) return;
      await forgetPages();
      await this.draw();
    });
    this.draw();
  }

  async draw() {
    const kept = await Promise.all((await pagesKept()).map(async (name) => (await (await caches.open(name)).keys()).length));
    const { usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
    const say = (name, value) => (this.querySelector(`[data-${name}]`).textContent = value);
    say("pages", kept.reduce((sum, n) => sum + n, 0));
    say("rows", (await outbox.rows().catch(() => [])).length);
    say("bytes", new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(usage / 1e6));
    this.querySelector("[data-lasting]").hidden = !(await navigator.storage?.persisted?.());
  }
}
customElements.define("device-holds", DeviceHolds);
document.querySelector("outbox-list") && send();
