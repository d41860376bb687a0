"""The commands `python -m aigc_course learn`, data, doctor, progress, class, train, sample. See kit/commands.

Longer than other files: it is the list of all commands, with their arguments and their help, and does nothing itself.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aigc_course.kit.commands.console import Commands, system_language
from aigc_course.kit.runtime import print_whatever_comes, record, say

app = typer.Typer(
    cls=Commands,
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


def speak(said: Language | None) -> Language:
    """Messages come in the language that was said, else in the system's."""
    chosen = said or Language(system_language())
    record("language", chosen.value)
    return chosen


Said = Annotated[
    Language | None,
    typer.Option("--language", callback=speak, help="Language of the messages, by default the system's. 语言"),
]


@app.callback()
def commands() -> None:
    """A course on AI-generated content · 人工智能生成内容（AIGC）课程"""
    print_whatever_comes()


@app.command()
def learn(
    language: Said = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The first port tried. 端口")] = 8888,
    browser: Annotated[bool | None, typer.Option("--browser/--no-browser", help="Open a browser. 打开浏览器")] = None,
) -> None:
    """Fetch the data, then start JupyterLab · 启动JupyterLab"""
    from aigc_course.kit.commands import data, lab

    lab.notebooks_folder()  # before anything is fetched in vain
    data.fetch()
    lab.run(port, browser)


@app.command()
def data(language: Said = None) -> None:
    """Fetch all data ahead of a lecture · 课前下载全部数据"""
    from aigc_course.kit.commands import data

    if not data.fetch():
        raise typer.Exit(1)


@app.command()
def doctor(language: Said = None) -> None:
    """Check this machine, and say what to do · 检查这台机器"""
    from aigc_course.kit.commands import doctor

    if not doctor.print_report():
        raise typer.Exit(1)


@app.command()
def progress(language: Said = None) -> None:
    """Show which exercises and quizzes are done · 查看学习进度"""
    from aigc_course.kit.commands import progress

    progress.show()


class Trained(StrEnum):
    """What `train` knows."""

    gan = "gan"
    gpt = "gpt"
    diffusion = "diffusion"
    classifier = "classifier"


@app.command()
def train(
    kind: Annotated[Trained, typer.Argument(help="Which model. 哪个模型")],
    out: Annotated[Path, typer.Option(help="A folder for the checkpoint and the model. 放检查点和模型的文件夹")],
    resume: Annotated[bool, typer.Option(help="Go on with the training in it. 接着训练")] = False,
    steps: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="How many. 步数")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, max=4096, help="Of all processes together. 批大小")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**20)] = 0,
    language: Said = None,
) -> None:
    """Train a model, in one process or several (torchrun) · 训练模型，可用多个进程（torchrun）"""
    from aigc_course.kit.commands import training

    training.train(kind.value, out, resume, steps, batch_size, seed)


@app.command("class")
def class_list(
    folder: Annotated[Path, typer.Argument(help="With the learners' progress files. 放学习进度文件的文件夹")],
    out: Annotated[Path | None, typer.Option(help="The table; by default class.csv in the folder. 表格文件")] = None,
    language: Said = None,
) -> None:
    """List the progress of a class as CSV · 汇总全班的学习进度"""
    from aigc_course.kit.commands import classroom

    classroom.show(folder, out)


Count = Annotated[int, typer.Option(min=1, max=100_000, help="How many. 数量")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed, the same samples. 随机种子")]


@samples.command("gpt")
def sample_gpt(
    prompt: Annotated[
        str | None, typer.Option(help="How each text begins, by default Once upon a time. 开头，默认为“从前，”")
    ] = None,
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

    prompt = say("从前，", "Once upon a time") if prompt is None else prompt
    sampling.sample_texts(out, prompt, count, seed, temperature, top_k, top_p, max_new_tokens)


@samples.command("verse")
def sample_verse(
    characters: Annotated[int, typer.Option(min=5, max=7, help="Of a line, 5 or 7. 每句字数，五言或七言")] = 5,
    prompt: Annotated[str | None, typer.Option(help="How each poem begins, such as 春. 每首诗的开头")] = None,
    count: Count = 1,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="A .txt or .jsonl file, else the screen. 输出文件")] = None,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest character. 温度，0为贪心")] = 0.8,
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest that reach p. 核采样")] = 0.95,
    language: Said = None,
) -> None:
    """Write classical Chinese quatrains · 写绝句"""
    from aigc_course.kit.commands import verse

    verse.sample_quatrains(out, prompt, count, seed, characters, temperature, top_p)


class Genre(StrEnum):
    """What `sample text` writes; the names are those of aigc_course.synthetic.genres, which a test compares."""

    news = "news"
    story = "story"
    verse = "verse"
    advert = "advert"


@samples.command("text")
def sample_text(
    genre: Annotated[Genre, typer.Option(help="What is written. 体裁：新闻、故事、诗歌、广告")] = Genre.news,
    sheet: Annotated[
        str | None, typer.Option(help="A file of facts, or the facts: 'hero: Noah; ...'. 事实单，文件或内容")
    ] = None,
    number: Annotated[
        int | None, typer.Option(min=0, help="Of the world that a sheet is drawn from. 没有事实单时，取哪个世界")
    ] = None,
    prompt: Annotated[str, typer.Option(help="How each text begins. 正文的开头")] = "",
    count: Count = 1,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="A .txt or .jsonl file, else the screen. 输出文件")] = None,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest token. 温度，0为贪心")] = 0.8,
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest that reach p. 核采样")] = None,
    language: Annotated[
        Language | None,
        typer.Option("--language", callback=speak, help="Of texts and messages, by default the system's. 语言"),
    ] = None,
) -> None:
    """Write news, stories, verse or adverts from facts · 按事实单写新闻、故事、诗歌、广告"""
    from aigc_course.kit.commands import genres

    genres.sample_genre(out, genre.value, sheet, number, prompt, count, seed, temperature, top_p)


Images = Annotated[Path, typer.Option("--out", help="A .npy or .png file. 输出文件，.npy或.png")]
Label = Annotated[int | None, typer.Option(help="Draw this digit only; else all ten. 只画这个数字")]


@samples.command("gan")
def sample_gan(out: Images, count: Count = 100, seed: Seed = 0, label: Label = None, language: Said = None) -> None:
    """Draw digits with the best GAN, any that you ask for · 用最好的GAN画数字，可指定画哪个"""
    from aigc_course.kit.commands import sampling

    sampling.sample_images(out, "gan", count, seed, label)


@samples.command("gan-unconditional")
def sample_unconditional_gan(out: Images, count: Count = 100, seed: Seed = 0, language: Said = None) -> None:
    """Draw digits with the best GAN that never saw a label · 用不看标签的最好的GAN画数字"""
    from aigc_course.kit.commands import sampling

    sampling.sample_images(out, "gan-unconditional", count, seed)


@samples.command("article-gan")
def sample_article_gan(out: Images, count: Count = 100, seed: Seed = 0, language: Said = None) -> None:
    """Draw digits with the GAN of section 5.3 after 50 epochs · 用5.3节训练了50轮的GAN画数字"""
    from aigc_course.kit.commands import sampling

    sampling.sample_images(out, "article-gan", count, seed)


Steps = Annotated[int | None, typer.Option(help="Calls of the network for each image. 每张图调用网络的次数")]
Guidance = Annotated[
    float | None, typer.Option(help="0: labels forgotten, 1: followed, more: exaggerated. 引导强度，0为忽略标签")
]


@samples.command("vae")
def sample_vae(out: Images, count: Count = 100, seed: Seed = 0, label: Label = None, language: Said = None) -> None:
    """Draw digits with a variational autoencoder · 用变分自编码器画数字"""
    from aigc_course.kit.commands import sampling

    sampling.sample_digits(out, "vae", count, seed, label)


@samples.command("diffusion")
def sample_diffusion(
    out: Images,
    count: Count = 100,
    seed: Seed = 0,
    label: Label = None,
    steps: Steps = None,
    guidance: Guidance = None,
    language: Said = None,
) -> None:
    """Draw digits with a diffusion model, by DDIM · 用扩散模型（DDIM采样）画数字"""
    from aigc_course.kit.commands import sampling

    sampling.sample_digits(out, "diffusion", count, seed, label, steps, guidance)


@samples.command("flow")
def sample_flow(
    out: Images,
    count: Count = 100,
    seed: Seed = 0,
    label: Label = None,
    steps: Steps = None,
    guidance: Guidance = None,
    language: Said = None,
) -> None:
    """Draw digits with flow matching · 用流匹配模型画数字"""
    from aigc_course.kit.commands import sampling

    sampling.sample_digits(out, "flow", count, seed, label, steps, guidance)


@samples.command("style")
def sample_style(out: Images, count: Count = 100, seed: Seed = 0, label: Label = None, language: Said = None) -> None:
    """Draw digits with a style-based generator · 用基于风格的生成器画数字"""
    from aigc_course.kit.commands import sampling

    sampling.sample_digits(out, "style", count, seed, label)


@samples.command("text2image")
def sample_text2image(
    out: Images,
    prompt: Annotated[str, typer.Option(help='Such as "a thick 7 slanting right". 如“一个粗的、向右倾斜的7”')],
    count: Count = 20,
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    language: Said = None,
) -> None:
    """Draw the digit that a prompt describes · 按提示词画数字"""
    from aigc_course.kit.commands import sampling

    sampling.sample_prompt(out, prompt, count, seed, steps, guidance)


@samples.command("music")
def sample_music(
    out: Annotated[Path, typer.Option(help="A .wav or .mid file. 输出文件，.wav或.mid")],
    seed: Seed = 0,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest note. 温度，0为贪心")] = 1.0,
    bars: Annotated[int, typer.Option(min=2, max=64, help="The longest chorale, in bars of 4/4. 最多几小节")] = 16,
    language: Said = None,
) -> None:
    """Write a chorale in four voices, as sound or notes · 写一首四部众赞歌"""
    from aigc_course.kit.commands import music

    music.sample_music(out, seed, temperature, bars)


@samples.command("clip")
def sample_clip(
    out: Annotated[Path, typer.Option(help="An .mp4 file. 输出文件，.mp4")], seed: Seed = 0, language: Said = None
) -> None:
    """Make a short film with sound, all of it generated · 生成一段有声短片"""
    from aigc_course.kit.commands import clip

    clip.sample_clip(out, seed)


if __name__ == "__main__":
    app(prog_name="python -m aigc_course")
