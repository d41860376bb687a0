"""What `make bench` runs: every other module of this folder, one after the other, each in a process of its own.

python -m tools.bench [NAME ...]      NAME, for example classifier: only tools/bench/classifier.py
"""

import os
import platform
import subprocess
import sys
from datetime import date

from tools.authoring.notebooks import ROOT


def main(names: list[str]) -> int:
    """Run the benchmarks; the exit status is 1 if one could not be finished or a name is not known."""
    known = {path.stem: path for path in sorted((ROOT / "tools" / "bench").glob("[a-z]*.py"))}
    if unknown := [name for name in names if name not in known]:
        print(f"No benchmark is called {unknown[0]}; there are: {', '.join(known)}", file=sys.stderr)
        return 1
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {date.today()}", flush=True)
    failed = []
    for name in names or known:
        print(f"\n=== {name} ===", flush=True)
        result = subprocess.run([sys.executable, "-m", f"tools.bench.{known[name].stem}"], cwd=ROOT, check=False)
        failed += [name] if result.returncode else []
    if failed:
        print(f"\nnot finished: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
