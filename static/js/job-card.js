// <job-card data-state="running|done|failed" data-said="…">: htmx asks for it again every 2 s and stops at 286. This says
// the outcome aloud once, since the person may have moved on to something else on the page.

import { announce, toast } from "./toast.js";

const running = new Set();

class JobCard extends HTMLElement {
  connectedCallback() {
    const { state, said } = this.dataset;
    if (state === "running") running.add(this.id);
    else if (running.delete(this.id) && said) {
      announce(said);
      toast(said, state === "failed" ? "bad" : "ok");
    }
  }
}
customElements.define("job-card", JobCard);
