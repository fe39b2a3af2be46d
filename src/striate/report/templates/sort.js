// Tables of class "sortable": each heading becomes a button that sorts the rows by its column.
// Cells are sorted by data-sort, as numbers where the heading says so; empty ones come last.
document.querySelectorAll("table.sortable").forEach((table) => {
  const body = table.tBodies[0], rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const numeric = head.hasAttribute("data-numeric");
      const key = (row) => row.cells[column].dataset.sort;
      const compare = (a, b) => {
        const x = key(a), y = key(b);
        if (x === "" || y === "") return (x === "") - (y === "");
        if (numeric) return sign * (Number(x) - Number(y));
        return sign * ((x > y) - (x < y));
      };
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      body.append(...rows.slice().sort(compare));
    });
  });
});
