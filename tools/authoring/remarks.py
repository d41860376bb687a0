"""What of a code cell is an edition's own, and what both editions share: the lines of a cell, taken apart.

An edition's own are its remarks: comments, docstrings, and the texts of `alt=` and `caption=`. All the rest is shared:
it must be the same to the byte. Comments are found with `tokenize`, the others in the syntax tree, so that a `#` in a
string (or in an f-string of any Python from 3.11 on) is none. A cell that is no Python (%%bash) is shared as it stands.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

OWN_ARGUMENTS = ("alt", "caption")
MAGIC = re.compile(r"^([ \t]*)([%!][^\n]*)", re.MULTILINE)
TEXT, DOCSTRING = '"…"', '"""…"""'


class Line(NamedTuple):
    """A line of code, with the comment lines above it; a remark of several lines makes several lines one."""

    shared: str  # the code with its remarks taken out or replaced by a mark
    own: str  # as it was typed
    remarks: tuple[str, ...]


class Span(NamedTuple):
    """A remark in a source: characters start to end, what stands for it in the shared code."""

    start: int
    end: int
    mark: str
    text: str


def shared(source: str) -> str:
    """The code without its remarks: two cells are alike when these are equal."""
    return "\n".join(line.shared for line in lines(source))


def remarks(source: str) -> list[str]:
    """The comments, docstrings and alt texts of a cell, in order."""
    return [remark for line in lines(source) for remark in line.remarks]


def lines(source: str) -> list[Line]:
    """The source taken apart; its lines' `own`, joined, are the source again."""
    found: list[Line] = []
    code, begin, told, commented = "", 0, [], False  # of the line that is being read
    for position, part, span in _pieces(source, _spans(source)):
        code += part
        if span is not None:
            commented = span.mark == ""
            code = code.rstrip(" \t") if commented else code + span.mark
            told.append(span.text)
        elif not part:  # the end of a line
            only_comment, last = commented and not code, position == len(source)
            if only_comment and not last:  # it belongs to the line below
                commented = False
                continue
            if only_comment and found:  # nothing follows: it belongs to the line above
                above = found.pop()
                found.append(Line(above.shared, f"{above.own}\n{source[begin:position]}", above.remarks + tuple(told)))
            else:
                found.append(Line(code, source[begin:position], tuple(told)))
            code, begin, told, commented = "", position + 1, [], False
    return found


def carried(new: str, old: str) -> tuple[str, bool]:
    """The code of `new` with the remarks of `old` beside every line that both share; whether others had to be taken."""
    ours, theirs = lines(new), lines(old)
    matcher = SequenceMatcher(None, [line.shared for line in theirs], [line.shared for line in ours], autojunk=False)
    result, foreign = [], False
    for kind, start, stop, new_start, new_stop in matcher.get_opcodes():
        if kind == "equal":
            result += theirs[start:stop]
        else:
            result += ours[new_start:new_stop]
            foreign = foreign or any(line.remarks for line in ours[new_start:new_stop])
    return "\n".join(line.own for line in result), foreign


def _pieces(source: str, spans: list[Span]) -> Iterator[tuple[int, str, Span | None]]:
    """The source in order: (position, code, None), (position, "", a remark), (position, "", None) at a line's end."""
    position = 0
    for span in [*spans, None]:
        until = span.start if span else len(source)
        for number, part in enumerate(source[position:until].split("\n")):
            if number:
                yield position, "", None
                position += 1
            if part:
                yield position, part, None
            position += len(part)
        if span:
            yield span.start, "", span
            position = span.end
    yield len(source), "", None


def _spans(source: str) -> list[Span]:
    """The remarks of a source in order."""
    for readable in (source, _without_magics(source)):
        try:
            tree = ast.parse(readable)
            tokens = list(tokenize.generate_tokens(io.StringIO(readable).readline))
        except (SyntaxError, tokenize.TokenError):
            continue
        text = _Text(source)
        found = [
            Span(text.offset(*token.start), text.offset(*token.end), "", token.string)
            for token in tokens
            if token.type == tokenize.COMMENT
        ]
        found += _docstrings(tree, text) + [span for node in _own_values(tree) for span in _texts(node, text)]
        found.sort()
        return [
            span for before, span in zip([None, *found], found, strict=False) if not before or before.end <= span.start
        ]
    return []


def _without_magics(source: str) -> str:
    """The source with each line of magic (%pip, !ls, %%time) made an empty statement of the same length."""
    return MAGIC.sub(lambda match: match[1] + "0" + " " * (len(match[2]) - 1), source)


class _Text:
    """Lines and columns of a source as numbers of characters from its beginning."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def span(self, node: ast.expr, mark: str) -> Span:
        """Where a node stands."""
        begin = self.place(node.lineno, node.col_offset)
        end = self.place(node.end_lineno or 0, node.end_col_offset or 0)  # the parser gives both
        return Span(begin, end, mark, self.source[begin:end])

    def place(self, line: int, num_bytes: int) -> int:
        """The offset of a column that is counted in bytes of UTF-8, as the tree does."""
        return self.offset(line, len(self.lines[line - 1].encode("utf-8")[:num_bytes].decode("utf-8")))


def _docstrings(tree: ast.Module, text: _Text) -> list[Span]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    first = [node.body[0] for node in defined if ast.get_docstring(node) is not None]
    return [text.span(statement.value, DOCSTRING) for statement in first if isinstance(statement, ast.Expr)]


def _own_values(tree: ast.Module) -> Iterator[ast.expr]:
    """The values of `alt=` and `caption=`, as arguments and as variables."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.keyword) and node.arg in OWN_ARGUMENTS) or (
            isinstance(node, ast.Assign) and all(getattr(t, "id", "") in OWN_ARGUMENTS for t in node.targets)
        ):
            yield node.value


def _texts(node: ast.expr, text: _Text) -> list[Span]:
    """The literal texts of such a value; what an f-string computes is shared and stays in its mark."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [_in_brackets(text.span(node, TEXT), text.source)]
    if isinstance(node, ast.JoinedStr):
        computed = sorted(ast.unparse(ast.JoinedStr([v])) for v in node.values if isinstance(v, ast.FormattedValue))
        return [_in_brackets(text.span(node, TEXT + "".join(computed)), text.source)]
    parts: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # "...".format(n=n)
        parts = [node.func.value]
    elif isinstance(node, ast.BinOp):
        parts = [node.left, node.right]
    elif isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    return [span for part in parts for span in _texts(part, text)]


def _in_brackets(span: Span, source: str) -> Span:
    """The span with the brackets that let a text go on over several lines: alt=("..." "...")."""
    before, after = source[: span.start].rstrip(), source[span.end :].lstrip()
    if before.endswith("(") and before[:-1].rstrip().endswith("=") and after.startswith(")"):
        return span._replace(start=len(before) - 1, end=len(source) - len(after) + 1)
    return span
