"""KaTeX, which draws the formulas while the book is built; pages need only its style sheet and its fonts."""

from pathlib import Path

from tools.site import npm

FILES = {  # in the package -> here; `static` is what pages need
    "package/dist/katex.min.js": "katex.min.js",
    "package/dist/katex.min.css": "static/katex.min.css",
    "package/LICENSE": "static/katex-license.txt",
}
FONTS = "package/dist/fonts/"


def keep(name: str) -> str:
    """The files above, and of the fonts the modern ones."""
    if name.startswith(FONTS) and name.endswith(".woff2"):
        return f"static/fonts/{Path(name).name}"
    return FILES.get(name, "")


PACKAGE = npm.Package("katex", "0.19.1", "24da5a599eb2fcede2e270b99a6ff48bca816beecc95feeb84e8cccbd1bb34fd", keep)
