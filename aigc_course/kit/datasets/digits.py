"""Which network draws digits: those of chapter 6.2, each in a folder that comes with the course."""

from pathlib import Path

from aigc_course.kit.runtime import data_folder, say

DIGIT_MODELS = {  # kind: folder in data/models, what it is
    "vae": ("digit_vae", "变分自编码器", "a variational autoencoder"),
    "diffusion": ("digit_diffusion", "扩散模型", "a diffusion model"),
    "flow": ("digit_flow", "流匹配模型", "a flow matching model"),
    "text2image": ("digit_text2image", "按提示词画数字的流匹配模型", "flow matching that is told words"),
    "style": ("digit_style", "基于风格的生成器", "a style-based generator"),
}


def find_digit_model(kind: str) -> Path:
    """The folder of a network that this course trained on MNIST; prints a line that names it.

    kind: "vae", "diffusion", "flow", "style" or "text2image"
    Raises ValueError for another kind, FileNotFoundError, with the command that trains one, where it is missing.
    """
    if kind not in DIGIT_MODELS:
        raise ValueError(f'kind "{kind}" is not known; allowed: {", ".join(DIGIT_MODELS)}')
    name, chinese, english = DIGIT_MODELS[kind]
    folder = data_folder() / "models" / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there; copy it again, or run python -m tools.train.images {kind}")
    print(say(f"数字：{name}，本课程训练的{chinese}", f"digits: {name}, {english} that this course trained"))
    return folder
