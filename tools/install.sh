#!/bin/sh
# Makes .venv with everything the course needs. `make` calls it when .venv/.installed is missing or older than
# pyproject.toml. While it works, .venv/.installing stands: if it is still there the next time, the last installation
# was interrupted, and the environment is made anew.  PYTHON=... chooses the interpreter, EXTRAS=... what is installed.
set -eu
cd "$(dirname "$0")/.."

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
tested() { "$1" -c 'import sys; sys.exit(sys.version_info >= (3, 14))' >/dev/null 2>&1; }
can_make_venv() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }

python=
seen=
for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    new_enough "$candidate" || continue
    seen=$candidate
    if can_make_venv "$candidate"; then python=$candidate && break; fi
done

if [ -z "$seen" ]; then
    cat >&2 <<'MESSAGE'
The course needs Python 3.11 or newer, and none was found.
  Debian, Ubuntu:  sudo apt install python3 python3-venv
  macOS:           https://www.python.org/downloads/ or: brew install python@3.13
If it is installed elsewhere, name it: make learn PYTHON=/path/to/python3
本课程需要 Python 3.11 或更高版本，但没有找到。请按上面的命令安装；如果已装在别处，请用 PYTHON=路径 指明。
MESSAGE
    exit 1
fi
if [ -z "$python" ]; then
    version=$("$seen" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    cat >&2 <<MESSAGE
$seen (Python $version) cannot make virtual environments: its modules venv and ensurepip are missing.
  Debian, Ubuntu:  sudo apt install python3-venv     (or python$version-venv)
$seen 缺少 venv 与 ensurepip 模块，无法创建虚拟环境。请先执行：sudo apt install python3-venv
MESSAGE
    exit 1
fi

if ! tested "$python"; then
    echo "$python is newer than Python 3.13, the newest that the course is tested with; if a package cannot be installed," \
        "name an older one: PYTHON=python3.13. 这个Python比课程测试过的3.13更新；若安装失败，请用PYTHON=python3.13指定旧版本。" >&2
fi

extras=${EXTRAS:-}
if [ -z "$extras" ]; then
    if nvidia-smi >/dev/null 2>&1; then extras=gpu,lab,test; else extras=cpu,lab,test; fi
fi
if [ -e .venv/.installing ]; then
    echo "The last installation was interrupted; starting afresh. 上次安装被中断，现在重新安装。"
    rm -rf .venv
elif [ -e .venv ] && ! { new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    echo ".venv does not work any more (was Python updated?); making it anew. .venv 已失效，现在重建。"
    rm -rf .venv
fi

echo "Installing into .venv ($extras): a few minutes the first time. 正在安装到.venv，首次需要几分钟；下载太慢，请按README.zh.md换成镜像。"
[ -x .venv/bin/python ] || { rm -rf .venv && mkdir .venv && touch .venv/.installing && "$python" -m venv .venv; }
rm -f .venv/.installed
touch .venv/.installing
.venv/bin/python -m pip install --disable-pip-version-check --upgrade pip
.venv/bin/python -m pip install --editable ".[$extras]"
rm .venv/.installing
touch .venv/.installed
