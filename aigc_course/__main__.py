"""The course's commands: python -m aigc_course learn, data, doctor, progress, sample."""

import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
samples = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(samples, name="sample", help="Let a model make samples · 用模型生成样本")


class Language(StrEnum):
    """The editions."""

    zh = "zh"
    en = "en"


Said = Annotated[
    Language | None, typer.Option("--language", help="Language of the messages, by default the system's. 语言")
]


def reader_language(said: Language | None = None) -> str:
    """ "zh" or "en": what was said, else what the locale asks for; English for every other language.

    As gettext does, LANGUAGE (a list such as "zh_CN:en") comes before LC_ALL, LC_MESSAGES and LANG.
    """
    if said:
        return said.value
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next((os.environ[name] for name in names if os.environ.get(name)), "")
    known = [part[:2] for part in wanted.lower().split(":") if part[:2] in ("zh", "en")]
    return known[0] if known else "en"


def console() -> Any:
    """A rich console: as wide as the terminal, or wide enough for whole lines in a pipe or file."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=False, highlight=False)


def print_table(columns: list[str], rows: list[tuple[str, ...]], styles: list[str] | None = None) -> None:
    """Print a table; `styles` colours its rows where the terminal has colours."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row, style in zip(rows, styles or [""] * len(rows), strict=True):
        table.add_row(*(Text(cell, style=style) for cell in row))
    console().print(table)


@app.callback()
def commands() -> None:
    """A course on AI-generated content · 人工智能生成内容（AIGC）课程"""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show Chinese shows "?" instead of failing


@app.command()
def learn(
    language: Said = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The first port tried. 端口")] = 8888,
    browser: Annotated[bool | None, typer.Option("--browser/--no-browser", help="Open a browser. 打开浏览器")] = None,
) -> None:
    """Fetch the data, then start JupyterLab · 启动JupyterLab"""
    from aigc_course.kit.commands import lab

    chosen = reader_language(language)
    try:
        lab.notebooks_folder()
        fetch(chosen)
        lab.run(chosen, port, browser)
    except lab.CannotStart as error:
        print(f"{error}", file=sys.stderr)
        raise typer.Exit(1) from error


@app.command()
def data(language: Said = None) -> None:
    """Fetch all data ahead of a lecture · 课前下载全部数据"""
    if not fetch(reader_language(language)):
        raise typer.Exit(1)


def fetch(language: str) -> bool:
    """Fetch what can be had and print a table; True if every set is there, if only as the bundled sample."""
    from aigc_course.kit.datasets import fetch_all

    zh = language == "zh"
    rows, styles, remarks, usable = [], [], [], True
    for name, source, complete, message in fetch_all():
        if complete:
            state, style = ("完整" if zh else "complete"), ""
        elif source == "sample":
            state, style = ("以自带样本代替" if zh else "the bundled sample stands in"), "yellow"
        else:
            state, style, usable = ("缺失" if zh else "missing"), "red", False
        rows.append((name, source, state))
        styles.append(style)
        remarks += [f"{name}{'：' if zh else ': '}{message}"] if message else []
    print_table(["数据", "来源", "状态"] if zh else ["data", "source", "state"], rows, styles)
    for remark in remarks:
        print(remark)
    return usable


@app.command()
def doctor(language: Said = None) -> None:
    """Check this machine, and say what to do · 检查这台机器"""
    from aigc_course.kit.commands import doctor as checks

    zh = reader_language(language) == "zh"
    results = checks.report("zh" if zh else "en")
    styles = [{"problem": "red", "hint": "yellow"}.get(check.state, "") for check in results]
    rows = [(check.mark, check.name, check.value) for check in results]
    print_table(["", "检查", "结果"] if zh else ["", "check", "result"], rows, styles)
    for check in results:
        if check.advice:
            print(f"{check.mark} {check.name}{'：' if zh else ': '}{check.advice}")
    problems = sum(check.state == "problem" for check in results)
    if problems:
        print(
            f"有 {problems} 个问题，课程暂时无法运行。" if zh else f"The course cannot run yet; problems: {problems}."
        )
        raise typer.Exit(1)
    print("课程可以在这台机器上运行。" if zh else "The course can run on this machine.")


@app.command()
def progress(language: Said = None) -> None:
    """Show which exercises and quizzes are done · 查看学习进度"""
    from aigc_course.kit.practice.progress import summary
    from aigc_course.kit.runtime import record

    chosen = reader_language(language)
    record("language", chosen)  # titles in the reader's language
    columns = ["章", "标题", "已完成", "共"] if chosen == "zh" else ["chapter", "title", "done", "total"]
    print_table(columns, [tuple(map(str, row)) for row in summary()])


Count = Annotated[int, typer.Option(min=1, help="How many. 数量")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed, the same samples. 随机种子")]


@samples.command("gpt")
def sample_gpt(
    prompt: Annotated[str, typer.Option(help="How each text begins. 每篇文本的开头")] = "Once upon a time",
    count: Count = 1,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="A .txt or .jsonl file, else the screen. 输出文件")] = None,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest token. 温度，0为贪心")] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k likeliest tokens. 只取概率最高的k个词元")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest that reach p. 核采样")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="The longest continuation. 最多续写的词元数")] = 240,
    language: Said = None,
) -> None:
    """Write texts with GPT-2 · 用GPT-2写文本"""
    from aigc_course.kit.commands import sampling

    try:
        if out is not None:
            sampling.check_out(out, sampling.TEXTS)
        texts = sampling.write_texts(prompt, count, seed, temperature, top_k, top_p, max_new_tokens)
        sampling.save_texts(sampling.with_bar(texts, count, "text"), out)
    except (ValueError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, ValueError) else 1) from error
    if out is not None:
        zh = reader_language(language) == "zh"
        print(f"已将{count:,}篇文本写入{out}" if zh else f"{count:,} {'text' if count == 1 else 'texts'} in {out}")


Images = Annotated[Path, typer.Option("--out", help="A .npy or .png file. 输出文件，.npy或.png")]


@samples.command("gan")
def sample_gan(
    out: Images,
    count: Count = 100,
    seed: Seed = 0,
    label: Annotated[int | None, typer.Option(help="Draw this digit only; else all ten. 只画这个数字")] = None,
    language: Said = None,
) -> None:
    """Draw digits with the best GAN, any that you ask for · 用最好的GAN画数字，可指定画哪个"""
    save_digits("gan", count, seed, label, out, language)


@samples.command("gan-unconditional")
def sample_unconditional_gan(out: Images, count: Count = 100, seed: Seed = 0, language: Said = None) -> None:
    """Draw digits with the best GAN that never saw a label · 用不看标签的最好的GAN画数字"""
    save_digits("gan-unconditional", count, seed, None, out, language)


@samples.command("article-gan")
def sample_article_gan(out: Images, count: Count = 100, seed: Seed = 0, language: Said = None) -> None:
    """Draw digits with the GAN of section 5.3 after 50 epochs · 用5.3节训练了50轮的GAN画数字"""
    save_digits("article-gan", count, seed, None, out, language)


def save_digits(kind: str, count: int, seed: int, label: int | None, out: Path, language: str | None) -> None:
    """Draw digits into a file and say so; exit status 2 for a wrong argument, 1 for a disk that cannot be written."""
    from aigc_course.kit.commands import sampling

    try:
        sampling.check_out(out, sampling.IMAGES)
        images = sampling.draw_images(kind, count, seed, label)
        sampling.save_images(sampling.with_bar(images, count, "image"), out)
    except (ValueError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, ValueError) else 1) from error
    zh = reader_language(language) == "zh"
    print(f"已将{count:,}张图像写入{out}" if zh else f"{count:,} {'image' if count == 1 else 'images'} in {out}")


if __name__ == "__main__":
    app(prog_name="python -m aigc_course")
