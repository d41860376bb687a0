"""A digit classifier as an HTTP service on this machine: an ONNX model behind two addresses.

GET  /health   answers {"status": "ok", ...}
POST /digit    takes {"pixels": 28 rows of 28 numbers in 0..1, 0 = paper, 1 = ink} as JSON,
               answers {"digit": 3, "probabilities": [10 numbers]}
What it cannot read it answers with a status of 400 to 499 and {"detail": what was wrong, what is expected}.
"""

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

SIDE = 28  # pixels
MAX_BODY_BYTES = 64 * 1024  # 784 numbers with 17 digits each are 16 kB
MAX_BODY_SECONDS = 5.0  # for the whole body to arrive
EXPECTED = '{"pixels": 28 rows of 28 numbers in 0..1}, 0 = paper, 1 = ink'
SCHEMA = {
    "type": "object",
    "required": ["pixels"],
    "additionalProperties": False,
    "properties": {
        "pixels": {
            **{"type": "array", "minItems": SIDE, "maxItems": SIDE},
            "items": {
                **{"type": "array", "minItems": SIDE, "maxItems": SIDE},
                "items": {"type": "number", "minimum": 0, "maximum": 1},
            },
        }
    },
}


class DigitModel:
    """An ONNX file (n, 28, 28) float32 in 0..1 -> (n, 10) logits, ready to answer; threads may share it.

    Raises FileNotFoundError without a file, ValueError for one that is no such model.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no model {path}; export one first, with torch.onnx.export")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one small image: threads would only wait for each other
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            logits = self._logits(np.zeros((1, SIDE, SIDE), dtype=np.float32))
        except Exception as error:  # onnxruntime has many kinds
            raise ValueError(f"{path} is no ONNX model of digits: {str(error).splitlines()[0]}") from error
        if logits.shape != (1, 10):
            raise ValueError(f"{path} answers an image with {logits.shape} numbers; expected (1, 10)")
        self.checksum = hashlib.sha256(path.read_bytes()).hexdigest()

    def _logits(self, images: np.ndarray) -> np.ndarray:
        return self.session.run(None, {self.session.get_inputs()[0].name: images})[0]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(n, 28, 28) in 0..1 -> (n, 10) probabilities."""
        logits = self._logits(np.asarray(images, dtype=np.float32)).astype(np.float64)
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exp / exp.sum(axis=1, keepdims=True)


def make_app(model_path: str | Path) -> FastAPI:
    """The service as an application that any ASGI server can run; the errors of DigitModel."""
    model = DigitModel(model_path)
    app = FastAPI(title="Digits", docs_url=None, redoc_url=None)  # those pages would load scripts from other hosts

    @app.get("/health")
    def health() -> dict:
        return {"status": "ok", "model_sha256": model.checksum}

    body = {"required": True, "content": {"application/json": {"schema": SCHEMA}}}

    @app.post("/digit", openapi_extra={"requestBody": body})
    async def digit(request: Request) -> dict:
        pixels = read_pixels(await read_body(request))
        probabilities = model(pixels[None])[0]
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}

    @app.exception_handler(404)
    def not_found(request: Request, error: Exception) -> JSONResponse:
        detail = f"there is no {request.url.path}; there are GET /health and POST /digit"
        return JSONResponse({"detail": detail}, status_code=404)

    return app


async def read_body(request: Request) -> bytes:
    """The body of a request, read no further than MAX_BODY_BYTES; HTTPException 400, 408, 413 or 415."""
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, f"the content type is {kind or 'missing'!r}; expected application/json: {EXPECTED}")
    too_large = HTTPException(413, f"the body is larger than {MAX_BODY_BYTES:,} bytes; expected {EXPECTED}")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:12]) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise HTTPException(408, f"the body did not arrive within {MAX_BODY_SECONDS:g} seconds") from None
    except ClientDisconnect:
        raise HTTPException(400, "the client went away before the body was there") from None
    if not body:
        raise HTTPException(400, f"the body is empty; expected {EXPECTED}")
    return bytes(body)


def read_pixels(body: bytes) -> np.ndarray:
    """The pixels of a request as (28, 28) float32; HTTPException 400 where it is no JSON, 422 where it is no digit."""
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise HTTPException(
            400, f"the body is no JSON ({type(error).__name__}: {error}); expected {EXPECTED}"
        ) from None
    if not isinstance(content, dict) or set(content) != {"pixels"}:
        found = f"the keys {sorted(content)[:5]!a}" if isinstance(content, dict) else type(content).__name__
        raise HTTPException(422, f"found {found:.200}; expected {EXPECTED}")
    rows = content["pixels"]
    if not isinstance(rows, list) or len(rows) != SIDE or not all(isinstance(r, list) and len(r) == SIDE for r in rows):
        raise HTTPException(422, f"pixels: {_shape(rows)}; expected 28 rows of 28 numbers")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if type(value) not in (int, float) or not 0 <= value <= 1:  # NaN and inf are not, either
                is_number = type(value) in (int, float)
                found = f"{value!r:.40}" if is_number else type(value).__name__
                hint = "; divide by 255?" if is_number and 1 < value <= 255 else ""
                raise HTTPException(422, f"pixels[{number}][{column}] is {found}; expected a number in 0..1{hint}")
    return np.array(rows, dtype=np.float32)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _shape(rows: Any) -> str:
    if not isinstance(rows, list):
        return f"found {type(rows).__name__}"
    lengths = {len(row) if isinstance(row, list) else type(row).__name__ for row in rows}
    return f"found {len(rows)} rows of {', '.join(sorted(map(str, lengths))[:3]) or 'nothing'}"


@contextmanager
def running(app: FastAPI, *, max_start_seconds: float = 20.0) -> Iterator[str]:
    """`with running(make_app(path)) as url:` serves on a free port of 127.0.0.1, and stops however the block ends.

    Only programs on this machine can reach it. Raises RuntimeError when it does not answer in time.
    """
    # with its protocol named, asyncio sends answers at once instead of waiting 40 ms for more to send (TCP_NODELAY)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        # no logging of its own, and the plain event loop: a notebook's output stays quiet, its own loop untouched
        config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False, loop="asyncio")
        server = uvicorn.Server(config)

        def serve() -> None:
            with suppress(SystemExit):  # how uvicorn says that it cannot start; the loop below sees the thread end
                server.run(sockets=[listener])

        thread = threading.Thread(target=serve, daemon=True, name="digit service")
        thread.start()
        try:
            give_up = time.monotonic() + max_start_seconds
            while not server.started:
                if not thread.is_alive() or time.monotonic() > give_up:
                    raise RuntimeError(f"the service did not start within {max_start_seconds:g} s; try again")
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=3)  # lets running answers finish
            server.force_exit = True
            thread.join(timeout=10)
