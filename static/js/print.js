// A button that prints the page; without scripts it is not shown.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});
