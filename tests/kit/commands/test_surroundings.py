"""The doctor passes and chapter 0 runs: in another locale, without a home or a plain one, in a read-only folder."""

import os
import shutil
import subprocess
import sys

import pytest

from tools.authoring.notebooks import ROOT, path_of, read

pytestmark = [
    pytest.mark.slow,  # chapter 0 takes a minute, and more cases show nothing else
    pytest.mark.skipif(sys.platform != "linux", reason="name spaces and locales of Linux"),
]
PYTHON = sys.executable


def unshared(*options):
    if shutil.which("unshare") is None or subprocess.run(["unshare", *options, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets no process into name spaces of its own")
    return ["unshare", *options]


def gbk(tmp_path):
    """The locale of older Chinese systems, made here if the machine knows how."""
    if shutil.which("localedef") is None:
        pytest.skip("no localedef")
    made = ["localedef", "-i", "zh_CN", "-f", "GBK", str(tmp_path / "zh_CN.GBK")]
    if subprocess.run(made, capture_output=True).returncode > 1:
        pytest.skip("localedef knows no zh_CN or no GBK")
    return [], {"LOCPATH": str(tmp_path), "LC_ALL": "zh_CN.GBK", "HOME": str(tmp_path)}, "zh"


def nobodys_home(tmp_path):
    return unshared("-U", "--map-user=54321"), {"HOME": None}, "en"


def strange_home(tmp_path):
    home = tmp_path / "我 的 家 (2)"
    (home / "临时").mkdir(parents=True)
    return [], {"HOME": str(home), "TMPDIR": str(home / "临时")}, "zh"


def read_only(tmp_path):
    mounting = f'mount --bind "{ROOT}" "{ROOT}" && mount -o remount,ro,bind "{ROOT}" && exec "$@"'
    options = ["-m"] if os.getuid() == 0 else ["-r", "-m"]
    return [*unshared(*options), "sh", "-c", mounting, "sh"], {"HOME": str(tmp_path)}, "en"


@pytest.mark.parametrize("where", [gbk, nobodys_home, strange_home, read_only], ids=lambda where: where.__name__)
def test_the_doctor_passes_and_chapter_0_runs(where, tmp_path):
    nbconvert = pytest.importorskip("nbconvert")
    prefix, changes, edition = where(tmp_path)
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("AIGC", "PYTEST"))}
    settings |= {"AIGC_OFFLINE": "1", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1", "AIGC_THREADS": "1"}
    settings |= {name: value for name, value in changes.items() if value is not None}
    for name in [name for name, value in changes.items() if value is None]:
        settings.pop(name, None)
    script = tmp_path / "chapter.py"
    script.write_text(
        nbconvert.PythonExporter().from_notebook_node(read(path_of("00_start_here", edition)))[0], "utf-8"
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # also for a user whom the system does not know
    for command in (["-m", "aigc_course", "doctor"], [str(script)]):
        done = subprocess.run([*prefix, PYTHON, *command], cwd=ROOT, env=settings, capture_output=True, timeout=1200)
        encoding = "gbk" if where is gbk else "utf-8"
        said = [stream.decode(encoding, "replace") for stream in (done.stdout, done.stderr)]
        assert done.returncode == 0, "\n".join(said)[-3000:]
        assert "Traceback" not in said[1]
    assert not (ROOT / "~").exists()  # Keras makes this folder for a user without a home
