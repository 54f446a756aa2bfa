// [data-print]: prints the page one is looking at. Without it the browser's own menu does.

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
