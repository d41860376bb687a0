"""Install the course from this folder, without a network: python install.py

It makes .venv here from the wheels in wheels/. Needs nothing but Python, of the version that the folder is named after.
不用网络，从这个文件夹安装课程：python install.py
"""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Install, and say how to go on; the exit status."""
    wanted = HERE.name.rpartition("python")[2]
    if wanted.isdigit() and int(wanted) != sys.version_info[1]:
        print(
            f"These wheels are for Python 3.{wanted}, this is 3.{sys.version_info[1]}: run python3.{wanted} install.py"
        )
        print(f"这里的安装包适用于Python 3.{wanted}，请用python3.{wanted} install.py")
        return 1
    folder = HERE / ".venv"
    venv.create(folder, with_pip=True, clear=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    wheels = ["--find-links", str(HERE / "wheels")]
    print("Installing: a few minutes. 正在安装，需要几分钟。", flush=True)
    for what in (
        ["--no-deps", "-r", str(HERE / "wheels" / "wheels.txt")],
        ["hatchling", "editables"],
        ["--no-deps", "--no-build-isolation", "--editable", str(HERE)],
    ):
        if subprocess.run([*pip, *wheels, *what], check=False).returncode:
            print("The installation failed; what pip said is above. 安装失败，原因见上。")
            return 1
    print(f'\nInstalled. To start 安装好了，启动：\n    "{python}" -m aigc_course learn')
    return 0


if __name__ == "__main__":
    sys.exit(main())
