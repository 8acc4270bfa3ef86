"use strict";
// Tables sort by the button in a column's head: numbers by data-key, the rest by its text.
// What has no number comes last, whichever way.
function sortBy(head) {
  const table = head.closest("table");
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const place = head.cellIndex;
  const numeric = head.classList.contains("n");
  const key = (row) => {
    const cell = row.cells[place];
    if (!numeric) return cell.textContent;
    return cell.dataset.key === undefined ? null : Number(cell.dataset.key);
  };
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [key(row), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = numeric ? a - b : a.localeCompare(b);
    return up ? order : -order;
  });
  body.append(...rows.map(([, row]) => row));
}
document.querySelectorAll("thead button").forEach((button) => {
  button.addEventListener("click", () => sortBy(button.closest("th")));
});

// What a cell says in full, on hover, on a tap or, once one has the focus, by the arrow keys.
const note = document.getElementById("note");
function show(event) {
  const cell = event.target.closest ? event.target.closest("[data-note]") : null;
  note.hidden = cell === null;
  if (cell === null) return;
  const table = cell.closest("table");
  const head = table.tHead.rows[0].cells[cell.cellIndex];
  const before = [...cell.parentElement.cells].slice(0, cell.cellIndex);
  const names = before.filter((each) => !each.classList.contains("n")).map(first);
  if (table.classList.contains("heat")) names.unshift(table.caption.textContent);
  note.textContent = [...names, first(head.firstElementChild)].join(", ") + ": " + cell.dataset.note;
}
function first(cell) {
  return cell.firstChild ? cell.firstChild.textContent : "";
}
document.addEventListener("mouseover", show);
document.addEventListener("click", show);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") note.hidden = true;
});
// Paper has no folds.
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
});
