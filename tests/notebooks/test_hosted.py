"""Every notebook's setup cell where a hosted session begins: no course, Colab's folder, the module google.colab."""

import subprocess
import sys

import pytest
from hosted import ADDRESS, COLAB, content, run, settings, without_the_course

from tools.authoring.notebooks import EDITIONS, code_cells, is_placeholder, path_of, read, repository, setup_source
from tools.authoring.notebooks import stems as all_stems
from tools.authoring.notebooks import tags as tags_of

NOTEBOOKS = [(stem, edition) for stem in all_stems() for edition in EDITIONS]


def setup_of(stem, edition):
    """The one setup cell of a notebook, the first of its code cells."""
    first, *others = code_cells(read(path_of(stem, edition)))
    assert "setup" in tags_of(first)
    assert not [cell for cell in others if "setup" in tags_of(cell)]
    return first.source


@pytest.mark.parametrize(("stem", "edition"), NOTEBOOKS)
def test_a_learner_without_the_course_gets_it_or_is_told_in_a_line(stem, edition, tmp_path):
    source = setup_of(stem, edition)
    assert source == setup_source(edition, repository())  # what is run below is what the learner runs
    if not is_placeholder(repository()):
        return  # then it installs, which the slow test shows for every notebook
    program = tmp_path / "setup.py"
    program.write_text(COLAB + source, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-S", program], cwd=tmp_path, env={}, capture_output=True, encoding="utf-8", check=False
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "aigc_course is not installed" in result.stderr
    assert "课程尚未安装" in result.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_notebook_begins_on_an_imitation_of_colab(tmp_path):
    """The first one installs the course from the public address, the others find it; each says where it runs."""
    python = without_the_course(tmp_path)
    with content(tmp_path) as folder:
        for number, (stem, edition) in enumerate(NOTEBOOKS):
            program = tmp_path / f"{edition}_{stem}.py"
            where = 'print("FROM", kit.__file__); from aigc_course.kit.runtime import language; print(language())'
            program.write_text(f"{COLAB}{setup_source(edition, ADDRESS)}\n{where}\n", encoding="utf-8")
            said = run(python, program, cwd=folder, env=settings(tmp_path))
            start, place, language = said.stdout.splitlines()[-3:]
            assert start.startswith("aigc_course ")
            assert str(tmp_path / "venv") in place
            assert language == edition
            assert "ERROR" not in said.stderr, f"{number}: {said.stderr}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_doctor_asks_for_no_jupyterlab_on_colab(tmp_path):
    """Colab has its own front end."""
    python = without_the_course(tmp_path)
    hidden = [entry for entry in (tmp_path / "lent").iterdir() if entry.name.startswith("jupyterlab-")]
    for entry in hidden:  # what says that it is installed
        entry.unlink()
    assert hidden
    look = "from aigc_course.kit.commands.doctor import requirements; print([c.name for c in requirements.packages()])"
    with content(tmp_path) as folder:
        program = tmp_path / "setup.py"
        program.write_text(f"{COLAB}{setup_source('en', ADDRESS)}\n{look}\n", encoding="utf-8")
        assert "jupyterlab" not in run(python, program, cwd=folder, env=settings(tmp_path)).stdout
        program.write_text(f"{setup_source('en', ADDRESS)}\n{look}\n", encoding="utf-8")
        assert "'jupyterlab'" in run(python, program, cwd=folder, env=settings(tmp_path)).stdout  # elsewhere it does
