"""Where writing fails: what stood there before is still there, to the byte, and it is said what to do."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "support" / "writers.py"
WAYS_OUT = {
    "full": ("a full disk", r"make room|Make room|AIGC_PROGRESS"),
    "read-only": ("a read-only disk", r"folder of your own|AIGC_PROGRESS"),
    "limit": ("no file may be so large (ulimit)", r"[Rr]aise the limit|AIGC_PROGRESS"),
    "nobody": ("a folder of somebody else's", r"folder of your own|AIGC_PROGRESS"),
    "gone": ("the folder is gone", r"make the folder|make it first|AIGC_PROGRESS"),
    "folder": ("a folder in the file's place", r"name a file|Remove what stands|AIGC_PROGRESS"),
    "long": ("a name of 300 letters", r"shorter name|AIGC_PROGRESS"),
}
MAKES_ITS_FOLDER = {"a network in a folder", "a download", "the record of progress"}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="name spaces and limits of Linux")


@pytest.mark.slow
@pytest.mark.parametrize("fault", WAYS_OUT)
def test_what_cannot_be_written_leaves_the_earlier_file(fault, tmp_path, withstood):
    name, way_out = WAYS_OUT[fault]
    command = [sys.executable, str(PROGRAM), str(tmp_path), fault]
    if fault in ("full", "read-only"):
        options = ["-m"] if os.getuid() == 0 else ["-r", "-m"]
        if not shutil.which("unshare") or subprocess.run(["unshare", *options, "true"], check=False).returncode:
            pytest.skip("this machine lets no process mount a disk of its own")
        script = f'mount -t tmpfs -o size=512k tmpfs "{tmp_path}" && exec "$@"'
        command = ["unshare", *options, "bash", "-c", script, "bash", *command]
    if fault == "nobody":
        if os.getuid():
            pytest.skip("only root can become somebody else")
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 9
    for each in told:
        what = f"{name}: {each['writer']}"
        assert not each["left"], what
        if fault == "gone" and each["writer"] in MAKES_ITS_FOLDER:
            assert not each["said"], what
            withstood(what, "made again")
            continue
        assert each["kept"], what
        assert each["said"], what
        withstood(what, "the earlier file stays" if each["there"] else "nothing is written", each["said"], way_out)
