"""Short texts as HTML that needs no JavaScript: it shows in JupyterLab, Colab, VS Code, GitHub and the web book alike.

Colors are JupyterLab's own where it defines them, so a light and a dark page both stay readable.
"""

import html
import re

from aigc_course.kit.display import show_page

GOOD, BAD, NEUTRAL = "#009E73", "#D55E00", "#0072B2"  # green, vermilion, blue of the course's palette
HAN = "[\u3000-\u9fff\uff00-\uffef]"  # Chinese characters and full-width punctuation
COLORS = {  # kind of token: JupyterLab's variable, a middling tone for elsewhere
    "Token.Keyword": ("keyword", "#0a8f4b"),
    "Token.Operator.Word": ("keyword", "#0a8f4b"),
    "Token.Name.Builtin": ("builtin", "#0a8f4b"),
    "Token.Name.Function": ("def", "#3b7de0"),
    "Token.Literal.Number": ("number", "#2b8a6a"),
    "Token.Literal.String": ("string", "#c2504d"),
    "Token.Comment": ("comment", "#6f8a8a"),
}


def text_html(text: str) -> str:
    """Paragraphs with `code`, everything else taken literally."""
    return "".join(f'<p style="margin:.4em 0">{inline_html(part)}</p>' for part in unwrapped(text).split("\n\n"))


def unwrapped(text: str) -> str:
    """Each paragraph on one line; Chinese lines are joined without a blank."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(re.sub(r"\s*\n\s*", " ", re.sub(rf"({HAN})\s*\n\s*", r"\1", part)) for part in paragraphs)


def inline_html(text: str) -> str:
    """One line with `code`."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def code_html(source: str) -> str:
    """Python in color."""
    from pygments import lex
    from pygments.lexers import PythonLexer

    parts = []
    for kind, piece in lex(source.strip("\n"), PythonLexer()):
        names = [str(kind).rsplit(".", n)[0] for n in range(str(kind).count(".") + 1)]
        color = next((COLORS[name] for name in names if name in COLORS), None)
        text = html.escape(piece, quote=False)
        if color and piece.strip():
            text = f'<span style="color:var(--jp-mirror-editor-{color[0]}-color,{color[1]})">{text}</span>'
        parts.append(text)
    code = "".join(parts).rstrip()
    outer, inner = "margin:.4em 0;overflow-x:auto;white-space:pre", "white-space:pre;font-size:.93em"
    return f'<pre style="{outer}"><code style="{inner}">{code}</code></pre>'


def collapsed(summary: str, inner: str) -> str:
    """A line that opens with a click; `inner` is HTML."""
    return (
        f'<details style="margin:.3em 0"><summary style="cursor:pointer">{inline_html(summary)}</summary>'
        f'<div style="margin-left:1.1em">{inner}</div></details>'
    )


def box(color: str, inner: str) -> str:
    """A paragraph with a colored bar at its left; `inner` is HTML."""
    return f'<div style="border-left:4px solid {color};padding:.1em 0 .1em .9em;max-width:60em">{inner}</div>'


def show(html_text: str, plain: str) -> None:
    """Display HTML, with `plain` for terminals and readers of the raw file; print `plain` outside IPython."""
    show_page(html_text, plain)
