"""Outside addresses: which ones the repository's texts name, and whether somebody still answers there.

    python -m tools.addresses                            writes tools/addresses.txt anew
    python -m tools.addresses --visit [--timeout 20]     asks each of them; the exit status is 1 if any is gone

Texts are the notebooks' cells, the Markdown files, the tables and cards in data/, the questions, CITATION.cff. A test
holds the list complete, without asking the network; the workflow `addresses` visits them every week.
"""

import argparse
import csv
import http.client
import re
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urldefrag, urlsplit

from tools.authoring.notebooks import ROOT, read, stop, write_text

LIST = Path("tools/addresses.txt")
FOLDERS = ("cache", "_site", "_build", ".venv", ".git", "node_modules")  # nothing of ours lies there
TEXTS = (
    *("*.md", "CITATION.cff", "data/**/*.md", "data/**/*.csv", "docs/**/*.md", "notebooks/**/*.md"),
    *("notebooks/*/*.ipynb", "aigc_course/kit/practice/questions/*.toml"),
)
ADDRESS = re.compile(r"https?://[^\s<>\"'`|\\{}\[\]，。；：、（）《》“”\u4e00-\u9fff]+")
ENDS = ".,;:!?*_~'"  # of the sentence, not of the address
NOT_OUTSIDE = re.compile(
    r"https?://(?:localhost|127\.|0\.0\.0\.0|[\w.-]*example\.(?:org|com)|www\.w3\.org/\d{4}/)|/OWNER/|\$"
)
TIMEOUT_S, TRIES, PAUSE_S, WORKERS = 20.0, 2, 2.0, 8
AGENT = "Mozilla/5.0 (compatible; aigc_course link check)"
NOT_FOR_PROGRAMS = {401, 402, 403, 405, 406, 418, 429, 451, 503, 999}  # the answer of hosts that are tired of programs


class Answer(NamedTuple):
    """What came back from an address."""

    address: str
    kind: str  # "good", "moved", "refused" (a person may get in), "gone"
    said: str  # the status, and where it leads or what went wrong


def addresses_in(text: str) -> Iterator[str]:
    """The outside addresses in a text, without the signs that end the sentence or the bracket around them."""
    for found in ADDRESS.findall(text):
        address = found.rstrip(ENDS)
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1].rstrip(ENDS)
        if not NOT_OUTSIDE.search(address) and urlsplit(address).hostname:
            yield address


def words_of(path: Path) -> str:
    """What a reader, or a program, reads in a file: the cells of a notebook, the fields of a table, all of a text."""
    if path.suffix == ".ipynb":
        return "\n".join(cell.source for cell in read(path).cells)
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return "\n".join(field for row in csv.reader(file) for field in row)
    return path.read_text(encoding="utf-8")


def used(root: Path = ROOT) -> dict[str, list[str]]:
    """Every outside address, in alphabetical order, and the files that name it."""
    places: dict[str, set[str]] = defaultdict(set)
    for path in sorted({path for pattern in TEXTS for path in root.glob(pattern)}):
        where = path.relative_to(root)
        if not set(FOLDERS) & set(where.parts):
            for address in addresses_in(words_of(path)):
                places[address].add(where.as_posix())
    return {address: sorted(places[address]) for address in sorted(places)}


def listed(root: Path = ROOT) -> list[str]:
    """The addresses that stand in the list."""
    return [line for line in (root / LIST).read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]


def write(root: Path = ROOT) -> int:
    """Write the list; how many there are."""
    found = used(root)
    head = "# Every outside address in the course's texts; written by: python -m tools.addresses\n"
    write_text(root / LIST, head + "".join(f"{address}\n" for address in found))
    return len(found)


def visit(address: str, timeout_s: float = TIMEOUT_S, tries: int = TRIES, pause_s: float = PAUSE_S) -> Answer:
    """Ask for an address; once more after a pause where nobody answered, for that may pass."""
    answer = ask(address, timeout_s)
    for _ in range(tries - 1):
        if answer.kind != "gone" or answer.said.startswith("4"):
            break
        time.sleep(pause_s)
        answer = ask(address, timeout_s)
    return answer


def ask(address: str, timeout_s: float) -> Answer:
    """One request, redirects followed; no more than the beginning of what comes is read."""
    target = quote(urldefrag(address).url, safe="%/:=&?~#+!$,;'@()*[]")
    request = urllib.request.Request(target, headers={"User-Agent": AGENT, "Accept": "*/*"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            response.read(1)
            if response.url.rstrip("/") == target.rstrip("/"):
                return Answer(address, "good", str(response.status))
            return Answer(address, "moved", f"{response.status} at {response.url}")
    except urllib.error.HTTPError as error:
        return Answer(address, "refused" if error.code in NOT_FOR_PROGRAMS else "gone", f"{error.code} {error.reason}")
    except TimeoutError:
        return Answer(address, "gone", f"no answer within {timeout_s:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        late = isinstance(reason, TimeoutError)
        return Answer(address, "gone", f"no answer within {timeout_s:g} s" if late else str(reason) or repr(error))


def visit_all(addresses: Iterable[str], timeout_s: float = TIMEOUT_S) -> list[Answer]:
    """Visit several at a time, those of one host one after the other; answers in the order of the addresses."""
    addresses = list(addresses)
    hosts: dict[str, list[str]] = defaultdict(list)
    for address in addresses:
        hosts[urlsplit(address).netloc].append(address)
    with ThreadPoolExecutor(WORKERS) as pool:
        groups = pool.map(lambda group: [visit(address, timeout_s) for address in group], hosts.values())
        answers = {answer.address: answer for group in groups for answer in group}
    return [answers[address] for address in addresses]


def report(answers: list[Answer], places: dict[str, list[str]]) -> str:
    """What was found, in Markdown: those that are gone first, with the files that name them."""
    titles = {"gone": "Gone", "refused": "Refused to a program; look by hand", "moved": "Moved"}
    lines = [f"{len(answers)} addresses, {sum(a.kind == 'good' for a in answers)} of them answer as they are."]
    for kind, title in titles.items():
        found = [answer for answer in answers if answer.kind == kind]
        lines += ["", f"## {title}: {len(found)}", ""] if found else []
        lines += [f"- {a.address}: {a.said} ({', '.join(places.get(a.address, ['?']))})" for a in found]
    return "\n".join(lines)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.addresses", description="Outside addresses in the texts.")
    parser.add_argument("--visit", action="store_true", help="ask each of them whether somebody answers")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, help="seconds to wait for an answer (%(default)s)")
    options = parser.parse_args(arguments)
    if not options.timeout > 0:
        return stop(ValueError(f"--timeout {options.timeout}: give a number of seconds above 0"))
    if not options.visit:
        print(f"{LIST.as_posix()}: {write(root)} addresses")
        return 0
    places = used(root)
    answers = visit_all(places, options.timeout)
    print(report(answers, places))
    return int(any(answer.kind == "gone" for answer in answers))


if __name__ == "__main__":
    sys.exit(main())
