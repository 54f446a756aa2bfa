// <live-part data-every="60"> asks for itself anew so often, while somebody is looking.

class LivePart extends HTMLElement {
  connectedCallback() {
    this.seen = () => document.hidden || this.due > Date.now() || this.ask();
    this.wait();
    document.addEventListener("visibilitychange", this.seen);
  }

  wait() {
    const every = Number(this.dataset.every) * 1000;
    this.due = Date.now() + every;
    this.timer = setInterval(() => document.hidden || this.ask(), every);
  }

  ask() {
    // Whoever reads one of its numbers with the keyboard keeps their place.
    if (!this.contains(document.activeElement)) window.htmx?.trigger(this, "refresh");
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
  }
}
customElements.define("live-part", LivePart);
