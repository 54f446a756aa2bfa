// The rule editor. <rule-faults> comes with every answer while one types: each sentence goes to the line under its own
// control, without taking the focus. A closed list of words says what is chosen in it as soon as that changes.

class RuleFaults extends HTMLElement {
  connectedCallback() {
    const form = document.getElementById("rule-form");
    const said = new Map([...this.children].map((one) => [one.dataset.for, one.textContent]));
    for (const line of form.querySelectorAll(".error[id]")) {
      const id = line.id.slice(0, -"_error".length);
      line.textContent = said.get(id) ?? "";
      const control = document.getElementById(id);
      if (said.has(id)) control?.setAttribute("aria-invalid", "true");
      else control?.removeAttribute("aria-invalid");
    }
  }
}
customElements.define("rule-faults", RuleFaults);

document.addEventListener("change", ({ target }) => {
  const list = target.closest?.(".many");
  if (!list || target.type !== "checkbox") return;
  const summary = list.querySelector("summary");
  const chosen = [...list.querySelectorAll(":checked")].map((box) => box.parentElement.textContent.trim()).join(", ");
  summary.ariaLabel = summary.ariaLabel?.replace(/:.*$/, `: ${chosen}`) ?? null;
  summary.textContent = chosen || "…";
});

// One list is open at a time, and it closes when the person goes elsewhere.
document.addEventListener("click", ({ target }) => {
  for (const list of document.querySelectorAll(".many[open]")) if (!list.contains(target)) list.open = false;
});
