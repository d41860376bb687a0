// The language switch keeps the place: both editions have the same ids on headings and cells.
"use strict";

const atTop = () => {
  const line = 8 + parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop || 0); // below the header
  const places = document.querySelectorAll("article section[id], article div.cell[id], article p[id]");
  let last = "";
  for (const place of places) {
    if (place.getBoundingClientRect().top > line) break;
    last = place.id;
  }
  return last;
};

document.addEventListener("DOMContentLoaded", () => {
  for (const link of document.querySelectorAll("a.book-language")) {
    const page = link.getAttribute("href");
    const keep = () => {
      const place = window.scrollY > 0 ? atTop() : "";
      const query = page.endsWith("/search.html") ? window.location.search : "";
      link.setAttribute("href", page + query + (place ? `#${place}` : ""));
    };
    for (const kind of ["pointerdown", "focus", "click"]) link.addEventListener(kind, keep);
  }
});

// A page on a disk may not read its neighbors: there the search shows titles alone.
if (window.location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// A formula within a line that is wider than the screen scrolls, by the keyboard too.
const reachWideFormulas = () => {
  for (const formula of document.querySelectorAll("p > .katex, li > .katex")) {
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
  }
};
for (const when of ["load", "resize"]) window.addEventListener(when, reachWideFormulas);

// These labels say something else than the words beside them, which a screen reader and a voice command need.
document.addEventListener("DOMContentLoaded", () => {
  for (const labeled of document.querySelectorAll("button.search-button-field[aria-label], summary[aria-label]")) {
    labeled.removeAttribute("aria-label");
  }
});
