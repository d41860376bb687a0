"""The digit service: right answers to many at once, reasons for what it cannot read, and nothing left running."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain

import httpx
import numpy as np
import onnx
import pytest

from aigc_course.images import service as digit_service
from aigc_course.images.service import DigitModel, make_app, running


def linear_model(path, outputs=10):
    """An ONNX file: flatten, then one linear layer with random weights."""
    rng = np.random.default_rng(0)
    tensors = {"W": rng.normal(size=(784, outputs)), "b": rng.normal(size=outputs)}
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Flatten", ["images"], ["rows"]),
            onnx.helper.make_node("Gemm", ["rows", "W", "b"], ["logits"]),
        ],
        "digits",
        [onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["n", 28, 28])],
        [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", outputs])],
        [onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    return linear_model(tmp_path_factory.mktemp("model") / "digits.onnx")


@pytest.fixture(scope="module")
def model(model_path):
    return DigitModel(model_path)


@pytest.fixture(scope="module")
def url(model_path):
    with running(make_app(model_path)) as url:
        yield url


def good(seed):
    return np.random.default_rng(seed).random((28, 28)).round(4).tolist()


def with_value(value):
    pixels = good(1)
    pixels[3][5] = value
    return json.dumps({"pixels": pixels})


def with_text(text):
    return with_value("HERE").replace('"HERE"', text)


JSON = {"content-type": "application/json"}
BAD = {  # name: (body, headers, status, what the reason says)
    "27 rows": (json.dumps({"pixels": good(1)[:27]}), JSON, 422, "found 27 rows of 28; expected 28 rows of 28"),
    "ragged": (json.dumps({"pixels": [[0.0] * 28] * 27 + [[0.0]]}), JSON, 422, "found 28 rows of 1, 28"),
    "flat": (json.dumps({"pixels": [0.0] * 784}), JSON, 422, "found 784 rows of float"),
    "no rows": (json.dumps({"pixels": []}), JSON, 422, "found 0 rows of nothing"),
    "deeper": (json.dumps({"pixels": [[[0.0]] * 28] * 28}), JSON, 422, "pixels[0][0] is list"),
    "rows in an object": (json.dumps({"pixels": {"0": [0.0]}}), JSON, 422, "found dict"),
    "NaN": (with_value(float("nan")), JSON, 400, "NaN is not a number in JSON"),
    "Infinity": (with_value(float("inf")), JSON, 400, "Infinity is not a number in JSON"),
    "1e999": (with_text("1e999"), JSON, 422, "is inf; expected a number in 0..1"),
    "null": (with_value(None), JSON, 422, "pixels[3][5] is NoneType"),
    "true": (with_value(True), JSON, 422, "pixels[3][5] is bool"),
    "text": (with_value("0.5"), JSON, 422, "pixels[3][5] is str"),
    "negative": (with_value(-0.1), JSON, 422, "is -0.1; expected"),
    "a byte": (with_value(200), JSON, 422, "is 200; expected a number in 0..1; divide by 255?"),
    "400 digits": (with_value(10**400), JSON, 422, "expected a number in 0..1"),
    "5000 digits": (with_text("9" * 5000), JSON, 400, "no JSON"),
    "a list": (json.dumps(good(1)), JSON, 422, "found list; expected {"),
    "another key": (json.dumps({"image": good(1)}), JSON, 422, "found the keys ['image']; expected"),
    "a lone surrogate": ('{"\\ud800": 1}', JSON, 422, "found the keys"),
    "a key more": (json.dumps({"pixels": good(1), "x": 1}), JSON, 422, "found the keys ['pixels', 'x']"),
    "null alone": ("null", JSON, 422, "found NoneType"),
    "no JSON": ("pixels=0", JSON, 400, "no JSON (JSONDecodeError"),
    "cut short": (json.dumps({"pixels": good(1)})[:-9], JSON, 400, "no JSON"),
    "no UTF-8": (b"\xff\xfe{}", JSON, 400, "no JSON (UnicodeDecodeError"),
    "deep nest": ("[" * 60_000, JSON, 400, "no JSON (RecursionError"),
    "huge": (b" " * 5_000_000, JSON, 413, "larger than 65,536 bytes"),
    "empty": (b"", JSON, 400, "the body is empty"),
    "none": (None, {}, 415, "the content type is 'missing'"),
    "a form": (json.dumps({"pixels": good(1)}), {"content-type": "text/plain"}, 415, "expected application/json"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_gets_a_reason(name, url):
    body, headers, status, reason = BAD[name]
    answer = httpx.post(f"{url}/digit", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert reason in answer.json()["detail"]


def test_another_address_or_method_gets_a_reason(url):
    answer = httpx.get(f"{url}/digits")
    assert (answer.status_code, "there are GET /health and POST /digit" in answer.json()["detail"]) == (404, True)
    assert httpx.get(f"{url}/digit").status_code == 405


def test_five_hundred_requests_from_eight_clients_of_which_fifty_are_malformed(model_path, model):
    bad = list(BAD.values())

    def ask(client, number):
        if number % 10 == 3:
            body, headers, *_ = bad[number // 10 % len(bad)]
            return client.post("/digit", content=body, headers=headers)
        return client.post("/digit", json={"pixels": good(number)}, headers=JSON)

    def one_client(numbers):
        with httpx.Client(base_url=url, timeout=30) as client:
            return [(number, ask(client, number)) for number in numbers]

    with running(make_app(model_path)) as url, ThreadPoolExecutor(8) as pool:
        shares = pool.map(one_client, [range(start, 500, 8) for start in range(8)])
        answers = dict(chain.from_iterable(shares))
        assert httpx.get(f"{url}/health").json() == {"status": "ok", "model_sha256": model.checksum}
    assert sorted(answers) == list(range(500))
    assert sum(400 <= answer.status_code < 500 for answer in answers.values()) == 50
    for number, answer in answers.items():
        if number % 10 == 3:
            assert answer.json()["detail"]
        else:
            expected = model(np.array([good(number)]))[0]
            assert answer.status_code == 200
            assert answer.json()["digit"] == expected.argmax()
            np.testing.assert_allclose(answer.json()["probabilities"], expected, atol=1e-9)
    assert is_closed(url)


def address(url):
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


def is_closed(url):
    with socket.socket() as probe:
        return probe.connect_ex(address(url)) != 0


def talk(url, data, *, close=False):
    """Send bytes as they are; the first line of the answer."""
    with socket.create_connection(address(url), timeout=15) as connection:
        connection.sendall(data)
        if close:
            return ""
        return connection.recv(4096).decode().split("\r\n")[0]


def test_a_huge_body_is_refused_before_it_is_read(url):
    head = "POST /digit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    assert " 413 " in talk(url, f"{head}Content-Length: 9000000000\r\n\r\n".encode())
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    assert " 413 " in talk(url, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + 2 * chunk)
    assert httpx.get(f"{url}/health").json()["status"] == "ok"


def test_a_client_that_dawdles_or_leaves_or_talks_nonsense_does_no_harm(url, monkeypatch):
    monkeypatch.setattr(digit_service, "MAX_BODY_SECONDS", 0.3)
    half = b"POST /digit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    assert " 408 " in talk(url, half)
    assert talk(url, half, close=True) == ""
    assert " 400 " in talk(url, b"\x00\x01\x02 nonsense\r\n\r\n")
    assert httpx.post(f"{url}/digit", json={"pixels": good(3)}).status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
@pytest.mark.parametrize("asked_before", [False, True])
def test_a_connection_whose_header_does_not_come_is_closed(url, sent, asked_before, monkeypatch):
    monkeypatch.setattr(digit_service, "MAX_HEADER_SECONDS", 0.5)
    with socket.create_connection(address(url), timeout=15) as connection:
        if asked_before:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        begin = time.monotonic()
        connection.sendall(sent)
        connection.settimeout(0.1)
        while time.monotonic() - begin < 10:  # one letter after the other: no time limit of a single read helps
            with suppress(TimeoutError):
                if not connection.recv(4096):
                    break
            with suppress(OSError):
                connection.sendall(b"y" if sent else b"")
        assert time.monotonic() - begin < 5


def test_it_stops_whatever_happens_and_only_this_machine_is_asked(model_path):
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), running(make_app(model_path)) as url:
        assert url.startswith("http://127.0.0.1:")
        raise ZeroDivisionError
    assert is_closed(url)
    assert threading.active_count() == before


def test_an_answer_is_sent_at_once(model_path, monkeypatch):
    """The connection does not wait 40 ms for more to send: that is what TCP_NODELAY asks for."""
    accept, accepted = socket.socket.accept, []

    def noted(listener):
        accepted.append(accept(listener))
        return accepted[-1]

    monkeypatch.setattr(socket.socket, "accept", noted)
    with running(make_app(model_path)) as url, httpx.Client(base_url=url) as client:
        assert client.post("/digit", json={"pixels": good(3)}).status_code == 200
        ((connection, _),) = accepted
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_two_services_side_by_side(model_path):
    with running(make_app(model_path)) as one, running(make_app(model_path)) as two:
        assert one != two
        assert {httpx.get(f"{url}/health").status_code for url in (one, two)} == {200}


def test_an_application_that_does_not_start_is_named(model_path):
    app = make_app(model_path)
    app.router.lifespan_context = lambda app: (_ for _ in ()).throw(OSError("no"))
    with pytest.raises(RuntimeError, match="did not start"), running(app):
        pass


def test_a_model_that_is_none_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no model .*torch.onnx.export"):
        make_app(tmp_path / "digits.onnx")
    (tmp_path / "digits.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="is not an ONNX model for digits"):
        make_app(tmp_path / "digits.onnx")
    with pytest.raises(ValueError, match=r"with \(1, 7\) numbers; expected \(1, 10\)"):
        make_app(linear_model(tmp_path / "seven.onnx", outputs=7))


def test_the_description_for_programs_says_what_is_expected(url):
    description = httpx.get(f"{url}/openapi.json").json()
    body = description["paths"]["/digit"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    pixels = description["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]["pixels"]
    assert pixels["minItems"] == pixels["items"]["minItems"] == 28
    assert pixels["items"]["items"] == {"type": "number", "minimum": 0, "maximum": 1}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
    ],
)
def test_only_requests_to_this_machine_are_answered(url, host, status):
    """A page that binds its own name to 127.0.0.1 gets nothing."""
    assert httpx.get(f"{url}/health", headers={"host": host}).status_code == status
    answer = httpx.post(f"{url}/digit", json={"pixels": good(1)}, headers={"host": host})
    assert (answer.status_code, "digit" in answer.text) == (status, status == 200)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_model_that_answers_nan_is_refused_at_the_start(broken, tmp_path):
    path = linear_model(tmp_path / "digits.onnx")
    model = onnx.load(path)
    weights = onnx.numpy_helper.to_array(model.graph.initializer[1]).copy()
    weights[3] = broken
    model.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(weights, model.graph.initializer[1].name))
    onnx.save(model, path)
    with pytest.raises(ValueError, match="answers a blank image with NaN or infinity"):
        make_app(path)
