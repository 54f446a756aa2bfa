// <copy-text>: a field to be read and a button that copies it; without the clipboard the text is selected instead.
class CopyText extends HTMLElement {
  connectedCallback() {
    const [input, button] = [this.querySelector("input"), this.querySelector("button")];
    input.addEventListener("focus", () => input.select());
    button.addEventListener("click", async () => {
      input.select();
      await navigator.clipboard.writeText(input.value);
      button.querySelector("span").textContent = button.dataset.done;
    });
  }
}
customElements.define("copy-text", CopyText);
