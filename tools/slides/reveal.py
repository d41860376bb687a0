"""reveal.js, which turns sections of a page into slides; the slides need only these files of it."""

from tools.site import npm

FILES = {  # in the package -> here
    "package/dist/reveal.js": "reveal.js",
    "package/dist/reveal.css": "reveal.css",
    "package/plugin/notes/notes.js": "notes.js",
    "package/LICENSE": "reveal-license.txt",
}


def keep(name: str) -> str:
    """The files above and no others."""
    return FILES.get(name, "")


PACKAGE = npm.Package("reveal.js", "5.2.1", "359b575dd51bbda32f89b2fd4c7dc46ad7389a805572158916c29252f7a27333", keep)
