"""What the package and the tools store appears whole or not at all: nothing opens a file to write in its place."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ("tools/site/", "tools/slides/", "tools/bundle.py")  # what they make is made anew as a whole
IN_PLACE = {  # file: why it may
    "aigc_course/frameworks.py": "a temporary folder",
    "aigc_course/kit/commands/lab.py": "a temporary folder",
    "aigc_course/kit/commands/music.py": "a temporary folder",
    "aigc_course/kit/runtime.py": "facts for the tests' table; no other process has the name",
    "aigc_course/storage/files.py": "the one home: a file of its own, which is moved when it is whole",
    "aigc_course/trust/labels.py": "label_files.write_text, which writes whole files",
    "aigc_course/video/mux.py": "a file of its own, which is moved when it is whole",
    "tools/hub/running.py": "a temporary folder, and a log",
    "tools/spelling.py": "a temporary folder",
}
NUMPY = ("save", "savez", "savez_compressed")


def in_place(source: str) -> list[str]:
    """Calls that write a file in its place; appending to a log and writing to an open file or buffer are none."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute | ast.Name)):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
        whole = ast.unparse(call)
        modes = [arg.value for arg in [*call.args, *(word.value for word in call.keywords)] if is_text(arg)]
        if call.args and ast.unparse(call.args[0]) in ("file", "buffer"):
            continue
        opens = name == "open" and any(mode.startswith(("w", "x")) and set(mode) <= set("wxbt+") for mode in modes)
        numpy = name in NUMPY and whole.startswith("np.")
        if opens or numpy or (isinstance(call.func, ast.Attribute) and name in ("write_text", "write_bytes")):
            found.append(f"line {call.lineno}: {whole[:80]}")
    return found


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def sources():
    names = [
        path.relative_to(ROOT).as_posix() for top in ("aigc_course", "tools") for path in (ROOT / top).rglob("*.py")
    ]
    return sorted(name for name in names if not name.startswith(BUILT))


def test_nothing_is_written_in_its_place():
    found = {name: calls for name in sources() if (calls := in_place((ROOT / name).read_text(encoding="utf-8")))}
    wrong = {name: calls for name, calls in found.items() if name not in IN_PLACE}
    assert not wrong, "write these with storage.files.write or storage.tables.write_rows"
    assert set(IN_PLACE) <= set(found), "a line of IN_PLACE that nothing needs any more"


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ('path.open("w", encoding="utf-8")', 1),
        ('open(path, mode="wb")', 1),
        ("path.write_text(text)", 1),
        ("path.write_bytes(text)", 1),
        ("np.savez_compressed(path, a=a)", 1),
        ('path.open("a")', 0),
        ("path.open()", 0),
        ('path.open(encoding="utf-8")', 0),
        ("write_text(path, text)", 0),
        ("np.savez(buffer, a=a)", 0),
        ('wave.open(buffer, "wb")', 0),
    ],
)
def test_what_counts_as_in_place(source, number):
    assert len(in_place(source)) == number
