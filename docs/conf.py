"""Sphinx's settings for both editions of the web book. `python -m tools.site` says which one is built, in AIGC_BOOK."""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
book = json.loads(Path(os.environ["AIGC_BOOK"]).read_text(encoding="utf-8"))
chinese = book["edition"] == "zh"

project = "AIGC从入门到实战" if chinese else "AIGC from the ground up"
html_title = project
copyright = "CC BY 4.0；代码：MIT" if chinese else "CC BY 4.0; code: MIT"
language = "zh_CN" if chinese else "en"
extensions = ["myst_nb", "book"]
templates_path = ["templates"]
source_suffix = {".ipynb": "myst-nb", ".md": "myst-nb"}

# The notebooks as they are stored
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_code_prompt_show = "展开代码" if chinese else "Show the code"
nb_code_prompt_hide = "收起代码" if chinese else "Hide the code"

# Markdown as JupyterLab and GitHub read it: no syntax that only MyST has, but for targets and the table of contents
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_disable_syntax = ["myst_line_comment", "myst_block_break", "myst_role", "footnote_ref"]
myst_dmath_double_inline = True
myst_heading_anchors = 4
myst_url_schemes = {
    "http": None,
    "https": None,
    "mailto": None,
    "page": "{{path}}.html",
    "place": "{{path}}.html#{{fragment}}",
    "other": f"../{'en' if chinese else 'zh'}/{{{{path}}}}.html",
    "notebook": "notebooks/{{path}}.ipynb",
}
suppress_warnings = ["myst.header"]

math_renderer = html_math_renderer = "katex"
katex_home = book["katex"]
html_static_path = ["static", f"{book['katex']}/static"]
html_css_files = ["katex.min.css", "book.css"]
html_js_files = ["book.js"]

html_search_language = "zh" if chinese else "en"
html_search_options = {"dict": f"{book['work']}/dictionary.txt"} if chinese else {}
html_search_scorer = f"{book['work']}/scorer.js"

html_theme = "sphinx_book_theme"
html_copy_source = False
html_show_sphinx = False
html_show_sourcelink = False
html_use_index = False
html_theme_options = {
    "navbar_start": [],
    "navbar_persistent": [],
    "article_header_end": ["book-buttons.html", "article-header-buttons.html"],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "toc_title": "本页内容" if chinese else "On this page",
    "footer_content_items": ["copyright.html"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {
    "default_mode": "auto",
    "other_edition": "en" if chinese else "zh",
    "other_language": "English" if chinese else "中文",
    "other_language_code": "en" if chinese else "zh-CN",
    "counterparts": book["counterparts"],
    "chapters": book["chapters"],
    "download_words": "下载notebook" if chinese else "Download the notebook",
}
