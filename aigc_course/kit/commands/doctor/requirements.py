"""The packages that the course needs, against the versions that it is tested with."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from aigc_course.kit.commands.doctor.check import Check
from aigc_course.kit.runtime import say

TENSORFLOW_WHEELS = ("tensorflow", "tensorflow-cpu")


class Need(NamedTuple):
    """A dependency that applies on this machine."""

    name: str
    tested: str  # the range of versions, for example "<3,>=1.26"
    extra: str  # "" = always, "cpu" or "gpu" = TensorFlow, "lab" = JupyterLab


def needs() -> list[Need]:
    """Every dependency that applies here, from the package's metadata."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires("aigc_course") or []
    except importlib.metadata.PackageNotFoundError:  # not installed, only on the path: the checkout says the same
        lines = _from_checkout()
    found = []
    for need in map(Requirement, lines):
        extras = [
            extra for extra in ("", "cpu", "gpu", "lab") if not need.marker or need.marker.evaluate({"extra": extra})
        ]
        found += [Need(need.name, str(need.specifier), extra) for extra in extras[:1]]
    return found


def _from_checkout() -> list[str]:
    path = Path(__file__).resolve().parents[4] / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, of_extra in project["optional-dependencies"].items():
        for line in of_extra:
            requirement, _, marker = line.partition(";")
            lines.append(f"{requirement}; {f'({marker}) and ' if marker else ''}extra == '{extra}'")
    return lines


def installed(name: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def packages() -> list[Check]:
    """One line for all that is well, one for each that is not, and one for TensorFlow."""
    try:
        wanted = needs()
    except ModuleNotFoundError as error:  # packaging itself
        return [Check(f"{error.name}", say("未安装", "not installed"), "problem", f"pip install {error.name}")]
    extras = ("",) if "google.colab" in sys.modules else ("", "lab")  # Colab has its own front end
    checks = [one(need) for need in wanted if need.extra in extras]
    amiss = [check for check in checks if check.state != "ok"]
    good = len(checks) - len(amiss)
    value = say(f"{good}个的版本在测试过的范围内", f"{good} inside their tested range")
    return [Check(say("依赖包", "packages"), value), *amiss, tensorflow(wanted)]


def one(need: Need) -> Check:
    """One dependency: missing, outside its tested range, or well."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    version = installed(need.name)
    advice = f'pip install "{need.name}{need.tested}"'
    required = need.extra != "lab"
    if version is None:
        return Check(need.name, say("未安装", "not installed"), "problem" if required else "hint", advice)
    tested = SpecifierSet(need.tested)
    if tested.contains(version, prereleases=True):
        return Check(need.name, version)
    too_old = any(part.operator == ">=" and Version(version) < Version(part.version) for part in tested)
    value = say(f"{version}，测试过的范围是{need.tested}", f"{version}, tested with {need.tested}")
    return Check(need.name, value, "problem" if required and too_old else "hint", advice)


def tensorflow(wanted: list[Need]) -> Check:
    """TensorFlow comes in two wheels that hold the same files: exactly one of them may be installed."""
    here = next(need for need in wanted if need.extra == "cpu")
    present = [name for name in TENSORFLOW_WHEELS if installed(name)]
    if len(present) > 1:
        value = say(
            "tensorflow与tensorflow-cpu同时存在，文件互相覆盖", "both wheels are installed, with the same files"
        )
        advice = f'pip uninstall -y {" ".join(present)} && pip install "{here.name}{here.tested}"'
        return Check("TensorFlow", value, "problem", advice)
    check = one(here._replace(name=present[0] if present else here.name))
    return check._replace(name="TensorFlow")
