"""Write the course's public address, [project.urls] Repository in pyproject.toml, wherever it appears.

    make badges                      or: python -m tools.authoring.badges [--check]

That is: each notebook's setup cell, the links to Colab and Binder below its title, the table of chapters in the
READMEs, CITATION.cff and every link to the repository in its own texts. While the address is the placeholder (OWNER),
no link or badge is written that would lead nowhere, and the READMEs say so. With --check nothing is written: files that
would change are named.
"""

import argparse
import re
import sys
from pathlib import Path

from nbformat import NotebookNode, from_dict

from tools.authoring.links import documents
from tools.authoring.notebooks import (
    EDITIONS,
    METADATA,
    ROOT,
    by_id,
    chapter_number,
    is_placeholder,
    path_of,
    read,
    repository,
    setup_source,
    shown,
    stems,
    stop,
    tags,
    to_text,
    write_text,
)

BADGE_LINE = re.compile(  # as it is in a notebook, or with the pictures that it once had
    r"^(?:\[!\[.*(?:colab-badge|badge_logo)\.svg.*|\[[^]]*\]\(https://colab\.research\.google\.com/.*)$", re.MULTILINE
)
TABLE = re.compile(r"(<!-- chapters:.*?-->\n).*?(<!-- /chapters -->)", re.DOTALL)
ONLINE = re.compile(r"(<!-- online -->).*?(<!-- /online -->)", re.DOTALL)
CLONE = re.compile(r"(<!-- clone -->).*?(<!-- /clone -->)", re.DOTALL)
CITED = re.compile(r"^repository-code: .*\n", re.MULTILINE)
OPEN = {"zh": "在{place}中打开", "en": "Open in {place}"}
HEAD = {"zh": ("章", "本课程", "原文小节", "打开"), "en": ("chapter", "title", "the article's section", "open")}
ARTICLE = {  # chapter -> the heading of the article's section, and what it says in English
    "01": ("1 背景介绍", "background"),
    "02": ("2 核心概念与联系", "core concepts and their connections"),
    "03_1": ("3.1 深度学习模型的训练", "training a deep learning model"),
    "03_2": ("3.2 自然语言处理的关键技术", "key techniques of language processing"),
    "03_3": ("3.3 生成对抗网络的训练", "training a generative adversarial network"),
    "04_1": ("4.1 深度学习中的反向传播算法", "backpropagation in deep learning"),
    "04_2": ("4.2 自然语言处理中的词向量表示", "word vectors in language processing"),
    "04_3": ("4.3 生成对抗网络中的损失函数", "losses of a generative adversarial network"),
    "05_1": ("5.1 深度学习项目实例", "a deep learning project"),
    "05_2": ("5.2 自然语言处理项目实例", "a language project"),
    "05_3": ("5.3 生成对抗网络项目实例", "a GAN project"),
    "06_1": ("6.1 内容创作", "writing"),
    "06_2": ("6.2 图像生成", "images"),
    "06_3": ("6.3 音频和视频生成", "sound and video"),
    "06_4": ("6.4 数据增强", "data augmentation"),
    "07": ("7 工具和资源推荐", "tools and resources"),
    "08": ("8 总结：未来发展趋势与挑战", "trends and challenges"),
    "09": ("9 附录：常见问题与解答", "questions and answers"),
    "10": ("标题：可能消失的职业和新出现的机会", "its title: jobs that may disappear and new opportunities"),
}
BELOW = {
    "zh": "**Colab或Binder**：点下面的徽章直接打开某一章，什么都不用装。",
    "en": "**Colab or Binder**: the badges below open one chapter; nothing to install.",
}
NOT_YET = {
    "zh": "**Colab或Binder**：课程还没有公开的网址（`pyproject.toml`里还写着占位符`OWNER`），暂时打不开。",
    "en": "**Colab or Binder**: not yet; this copy has no public address (`pyproject.toml` still says `OWNER`).",
}

NOBODY = {  # beside the lines that clone
    "zh": "`OWNER`是占位符：课程还没有公开的网址。拿到的若是压缩包，就解压，进入文件夹，跳过`git clone`。",
    "en": "`OWNER` is a placeholder: this copy has no public address yet, so unpack it and skip `git clone`.",
}


def links_to_open(stem: str, edition: str, address: str) -> dict[str, tuple[str, str]]:
    """Place -> (badge picture, address) for opening one notebook."""
    path = f"notebooks/{edition}/{stem}.ipynb"
    project = address.removeprefix("https://github.com/")
    return {
        "Colab": (
            "https://colab.research.google.com/assets/colab-badge.svg",
            f"https://colab.research.google.com/github/{project}/blob/main/{path}",
        ),
        "Binder": (
            "https://mybinder.org/badge_logo.svg",
            f"https://mybinder.org/v2/gh/{project}/HEAD?urlpath=lab/tree/{path}",
        ),
    }


def badge_line(stem: str, edition: str, address: str) -> str:
    """The Markdown line with both badges of a notebook."""
    badges = links_to_open(stem, edition, address).items()
    return " ".join(f"[![{OPEN[edition].format(place=place)}]({picture})]({url})" for place, (picture, url) in badges)


def link_line(stem: str, edition: str, address: str) -> str:
    """The same in words, for the notebook itself: where it is open, no picture may be fetched from another host.

    "" while there is no public address.
    """
    if is_placeholder(address):
        return ""
    places = links_to_open(stem, edition, address).items()
    return " · ".join(f"[{OPEN[edition].format(place=place)}]({url})" for place, (_, url) in places)


def write_notebook(nb: NotebookNode, stem: str, edition: str, address: str) -> None:
    """Put the links below the title and the address into the setup cell, in place."""
    title = by_id(nb).get("title")
    if title is None:
        raise ValueError(f"notebooks/{edition}/{stem}.ipynb has no text cell with the id title")
    line = link_line(stem, edition, address)
    heading, _, rest = BADGE_LINE.sub("", title.source).partition("\n")
    title.source = "\n\n".join(part for part in (heading, line, rest.strip("\n")) if part)
    nb.metadata = from_dict(METADATA)
    for cell in nb.cells:
        if "setup" in tags(cell):
            cell.source = setup_source(edition, address)


def table(edition: str, address: str, root: Path) -> str:
    """The Markdown table of one edition's chapters: number, title, the article's section, badges; "" without any."""
    columns = 3 if is_placeholder(address) else 4
    rows = []
    for stem in stems(root):
        path = path_of(stem, edition, root)
        if path.is_file():
            title = read(path).cells[0].source.split("\n")[0].lstrip("# ").replace("|", r"\|")
            link = f"[{title}]({shown(path, root)})"
            number = ".".join(str(int(part)) for part in chapter_number(stem).split("_"))
            rows.append((number, link, section(stem, edition), badge_line(stem, edition, address))[:columns])
    lines = [HEAD[edition][:columns], ("---",) * columns, *rows] if rows else []
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def section(stem: str, edition: str) -> str:
    """The section of the article that a chapter follows; "" for a chapter that follows none."""
    heading, meaning = ARTICLE.get(chapter_number(stem), ("", ""))
    return heading if edition == "zh" or not heading else f"{heading} ({meaning})"


def write_document(text: str, edition: str, address: str, root: Path) -> str:
    """A text of the repository with the table of chapters and all links to the repository brought up to date."""
    owner, name = address.rsplit("/", 2)[1:]
    project = re.compile(rf"(github\.com/|mybinder\.org/v2/gh/|google\.com/github/)[\w.-]+/(?:aigc_course|{name})\b")
    text = project.sub(rf"\g<1>{owner}/{name}", text)
    online = (NOT_YET if is_placeholder(address) else BELOW)[edition]
    text = ONLINE.sub(lambda marks: marks[1] + online + marks[2], text)
    warning = NOBODY[edition] if is_placeholder(address) else ""
    text = CLONE.sub(lambda marks: marks[1] + warning + marks[2], text)
    return TABLE.sub(lambda marks: marks[1] + table(edition, address, root) + marks[2], text)


def write_citation(text: str, address: str) -> str:
    """CITATION.cff with the line that names the repository, above the license; without it while there is none."""
    line = "" if is_placeholder(address) else f"repository-code: {address}\n"
    return CITED.sub("", text).replace("license:", f"{line}license:", 1)


def outdated(root: Path = ROOT) -> dict[Path, str]:
    """The files whose badges, setup cell or links are not as they should be, with their right content."""
    address = repository(root)
    wanted = {}
    for stem in stems(root):
        for path in [path_of(stem, edition, root) for edition in EDITIONS]:
            if path.is_file():
                nb = read(path)
                write_notebook(nb, stem, path.parent.name, address)
                wanted[path] = to_text(nb)
    for path in documents(root):
        edition = "zh" if ".zh." in path.name else "en"
        wanted[path] = write_document(path.read_text(encoding="utf-8"), edition, address, root)
    if (citation := root / "CITATION.cff").is_file():
        wanted[citation] = write_citation(citation.read_text(encoding="utf-8"), address)
    return {path: text for path, text in wanted.items() if path.read_text(encoding="utf-8") != text}


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; with --check the exit status is 1 when a file is outdated."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.authoring.badges", description="Write the course's public address."
    )
    parser.add_argument("--check", action="store_true", help="write nothing, name the files that would change")
    options = parser.parse_args(arguments)
    try:
        files = outdated(root)
    except ValueError as error:
        return stop(error)
    for path, text in files.items():
        if not options.check:
            write_text(path, text)
        print(f"{shown(path, root)}: {'outdated; run make badges' if options.check else 'written'}")
    return int(options.check and bool(files))


if __name__ == "__main__":
    sys.exit(main())
