"""`make lint`: known type errors pass, a new one does not, and checking writes nothing."""

import sys

import pytest

from tools import lint

KNOWN = 'count: int = "three"\n'
NEW = "size: str = 3\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with one module that has one known type error."""
    (tmp_path / "pyproject.toml").write_text('[tool.basedpyright]\ntypeCheckingMode = "basic"\n', encoding="utf-8")
    (tmp_path / "module.py").write_text(KNOWN, encoding="utf-8")
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    monkeypatch.setattr(lint, "BASELINE", tmp_path / ".basedpyright" / "baseline.json")
    monkeypatch.setattr(lint, "STEPS", {})
    assert lint.main(["--write-baseline"]) == 0
    return tmp_path


def test_a_known_type_error_passes_and_a_new_one_does_not(project, capfd):
    assert lint.main([]) == 0
    capfd.readouterr()
    (project / "module.py").write_text(KNOWN + NEW, encoding="utf-8")
    assert lint.main([]) == 1
    said = capfd.readouterr()
    assert "basedpyright" in said.err
    assert "module.py:2:13 - error" in said.out
    assert "module.py:1:14 - error" not in said.out


def test_checking_leaves_the_baseline_as_it_is_and_writing_shortens_it(project):
    before = lint.BASELINE.read_text(encoding="utf-8")
    assert "module.py" in before
    (project / "module.py").write_text("count: int = 3\n", encoding="utf-8")
    assert lint.main([]) == 0
    assert lint.BASELINE.read_text(encoding="utf-8") == before
    assert lint.main(["--write-baseline"]) == 0
    assert not lint.BASELINE.exists() or "module.py" not in lint.BASELINE.read_text(encoding="utf-8")


def test_a_step_that_fails_is_named(monkeypatch, capfd):
    monkeypatch.setattr(
        lint, "STEPS", {"kept": [sys.executable, "-c", ""], "broken": [sys.executable, "-c", "raise SystemExit(3)"]}
    )
    monkeypatch.setattr(lint, "types", lambda: 0)
    assert lint.main([]) == 1
    assert "lint failed in: broken" in capfd.readouterr().err
