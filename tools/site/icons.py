"""The few icons that the pages show, instead of the theme's 1.5 MB with thousands."""

import json
import re
from pathlib import Path

SCRIPT = Path("_static") / "scripts" / "fontawesome.js"
USED = re.compile(r"<i class=\"[^\"]*?fa-(?:solid|regular) fa-([a-z-]+)|<i class=\"fas fa-([a-z-]+)")
DRAWING = r"""(?<=[{{,])"?{name}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]"""
SMALL = """\
// Icons of Font Awesome Free (fontawesome.com), CC BY 4.0: those that this book shows. Written by tools/site/icons.py.
"use strict";
for (const [name, [width, height, path]] of Object.entries(%s)) {
  for (const mark of document.querySelectorAll(`i.fa-${name}`)) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const { name, value } of mark.attributes) svg.setAttribute(name, value);
    svg.classList.add("svg-inline--fa");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-hidden", "true");
    svg.appendChild(document.createElementNS(svg.namespaceURI, "path")).setAttribute("d", path);
    svg.firstChild.setAttribute("fill", "currentColor");
    mark.replaceWith(svg);
  }
}
"""


def shrink(folder: Path) -> bool:
    """Replace the theme's script in a built book; False, with the script as it was, when an icon is not found in it."""
    script = folder / SCRIPT
    whole = script.read_text(encoding="utf-8")
    pages = [page.read_text(encoding="utf-8") for page in folder.glob("*.html")]
    names = sorted({one or other for text in pages for one, other in USED.findall(text)})
    drawings = {name: re.search(DRAWING.format(name=name), whole) for name in names}
    if not all(drawings.values()):
        return False
    table = {name: [int(found[1]), int(found[2]), found[3]] for name, found in drawings.items() if found}
    script.write_text(SMALL % json.dumps(table), encoding="utf-8")
    return True
