// <result-list> holds what a search found: the arrows walk from the field through its links, and back into the field.

class ResultList extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => this.walk(event));
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...this.querySelectorAll("a")];
    const here = links.indexOf(document.activeElement);
    if (!step || here < 0) return;
    event.preventDefault();
    (links[here + step] ?? (step < 0 ? field() : links[here])).focus();
  }
}
customElements.define("result-list", ResultList);

const field = () => document.getElementById("search-q");
field()?.addEventListener("keydown", (event) => {
  const first = event.key === "ArrowDown" && document.querySelector("result-list a");
  if (!first) return;
  event.preventDefault();
  first.focus();
});
