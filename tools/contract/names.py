"""What the chapter contract asks of a notebook's global names: one name, one thing.

A learner runs an earlier cell again after later ones. It must not meet a name there that means something else by then.
"""

import ast
from typing import Any

from nbformat import NotebookNode

from tools.authoring.notebooks import code_cells, parse, tags
from tools.contract.code import definitions


def reuse_problems(nb: NotebookNode) -> list[str]:
    """Cells that read a name of an earlier cell which a later cell binds anew.

    What a cell tagged in-package defines is what the package has: there the name stays the same thing.
    """
    cells = {cell.id: names_of(cell.source) for cell in code_cells(nb)}
    for cell in code_cells(nb):
        if "in-package" in tags(cell):
            cells[cell.id].bound -= definitions(cell.source).keys()
    order, found = list(cells), []
    for place, cell_id in enumerate(order):
        for name in sorted(cells[cell_id].read):
            bound_in = [other for other in order if name in cells[other].bound and other != cell_id]
            earlier = [other for other in bound_in if order.index(other) < place]
            later = [other for other in bound_in if order.index(other) > place]
            if earlier and later:
                found.append(
                    f"[{cell_id}] reads `{name}` of [{earlier[-1]}], which [{later[0]}] binds anew: run after it, "
                    "the cell gets another thing; give one of them another name"
                )
    return found


class Names(ast.NodeVisitor):
    """The global names that a cell binds, and those that it reads before; inside functions nothing is looked at."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.read: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)
        elif node.id not in self.bound:
            self.read.add(node.id)

    def visit_FunctionDef(self, node: Any) -> None:
        self.bound.add(node.name)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        pass

    def visit_ListComp(self, node: Any) -> None:
        names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
        own = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        self.read |= {name.id for name in names} - own - self.bound

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def visit_Assign(self, node: ast.Assign) -> None:
        for part in (node.value, *node.targets):  # the value is read before the name is bound
            self.visit(part)

    def visit_AnnAssign(self, node: Any) -> None:
        for part in filter(None, (node.value, node.target)):
            self.visit(part)

    visit_NamedExpr = visit_AnnAssign

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name) and node.target.id not in self.bound:
            self.read.add(node.target.id)
        self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    def visit_Import(self, node: Any) -> None:
        self.bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)


def names_of(source: str) -> Names:
    """The names of a cell; none where it is no Python, which another part of the contract says."""
    names = Names()
    try:
        names.visit(parse(source))
    except SyntaxError:
        return Names()
    return names
