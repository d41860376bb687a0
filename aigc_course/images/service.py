"""A digit classifier as an HTTP service on this machine: an ONNX model behind two addresses.

GET  /health   answers {"status": "ok", ...}
POST /digit    takes {"pixels": 28 rows of 28 numbers in 0..1, 0 = paper, 1 = ink} as JSON,
               answers {"digit": 3, "probabilities": [10 numbers]}
What it cannot read it answers with a status of 400 to 499 and {"detail": what was wrong, what is expected}.
Requests that name another host than this machine are not answered: a web page in the reader's browser may send some.
"""

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.h11_impl import H11Protocol

SIDE = 28  # pixels
MAX_BODY_BYTES = 64 * 1024  # 784 numbers with 17 digits each are 16 kB
MAX_HEADER_SECONDS = 5.0  # for the whole header of a request to arrive
MAX_BODY_SECONDS = 5.0  # for the whole body
EXPECTED = '{"pixels": 28 rows of 28 numbers in 0..1}, 0 = paper, 1 = ink'
HOSTS = ["127.0.0.1", "localhost"]  # what a request may call this machine

Pixel = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]  # strict: neither true nor "0.5"
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE)]


class Digit(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid")
    pixels: Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE)]


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
            raise ValueError(f"{path} is not an ONNX model for digits: {str(error).splitlines()[0]}") from error
        if logits.shape != (1, 10):
            raise ValueError(f"{path} answers an image with {logits.shape} numbers; expected (1, 10)")
        if not np.isfinite(logits).all():
            raise ValueError(f"{path} answers a blank image with NaN or infinity: did its training diverge?")
        self.checksum = hashlib.sha256(path.read_bytes()).hexdigest()

    def _logits(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(self.session.run(None, {self.session.get_inputs()[0].name: images})[0])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(n, 28, 28) in 0..1 -> (n, 10) probabilities."""
        logits = self._logits(np.asarray(images, dtype=np.float32)).astype(np.float64)
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exp / exp.sum(axis=1, keepdims=True)


def make_app(model_path: str | Path) -> FastAPI:
    """The service as an application that any ASGI server can run; the errors of DigitModel."""
    model = DigitModel(model_path)
    app = FastAPI(title="Digits", docs_url=None, redoc_url=None)  # those pages would load scripts from other hosts
    app.router.route_class = BoundedRoute
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)

    @app.get("/health")
    def health() -> dict:
        return {"status": "ok", "model_sha256": model.checksum}

    @app.post("/digit")
    async def digit(body: Digit) -> dict:
        probabilities = model(np.array([body.pixels]))[0]
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}

    @app.exception_handler(RequestValidationError)
    def no_digit(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": reason_of(error)}, status_code=422)

    @app.exception_handler(404)
    def not_found(request: Request, error: Exception) -> JSONResponse:
        detail = f"there is no {request.url.path}; there are GET /health and POST /digit"
        return JSONResponse({"detail": detail}, status_code=404)

    return app


class BoundedRequest(Request):
    """A request whose body is read no further than MAX_BODY_BYTES; HTTPException 400, 408, 413 or 415."""

    async def body(self) -> bytes:
        kind = self.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != "application/json":
            said = f"the content type is {kind or 'missing'!r}"
            raise HTTPException(415, f"{said}; expected application/json: {EXPECTED}")
        too_large = HTTPException(413, f"the body is larger than {MAX_BODY_BYTES:,} bytes; expected {EXPECTED}")
        length = self.headers.get("content-length", "0")
        if length.isdecimal() and int(length[:12]) > MAX_BODY_BYTES:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(MAX_BODY_SECONDS):
                async for chunk in self.stream():
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise too_large
        except TimeoutError:
            raise HTTPException(408, f"the body did not arrive within {MAX_BODY_SECONDS:g} seconds") from None
        except ClientDisconnect:
            raise HTTPException(400, "the client disconnected before the body arrived") from None
        if not body:
            raise HTTPException(400, f"the body is empty; expected {EXPECTED}")
        self._body = bytes(body)
        return self._body

    async def json(self) -> Any:
        try:
            return json.loads((await self.body()).decode("utf-8"), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            said = f"the body is no JSON ({type(error).__name__}: {error})"
            raise HTTPException(400, f"{said}; expected {EXPECTED}") from None


class BoundedRoute(APIRoute):
    """A route that reads a BoundedRequest."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:
        handler = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            return await handler(BoundedRequest(request.scope, request.receive))

        return bounded


class PromptProtocol(H11Protocol):
    """A connection that is closed when no request has begun within MAX_HEADER_SECONDS."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._await_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_request()

    def _await_request(self) -> None:
        self.loop.call_later(MAX_HEADER_SECONDS, self._close_unless_asked, self.cycle)

    def _close_unless_asked(self, last: object) -> None:
        if self.cycle is last and not self.transport.is_closing():
            self.transport.close()


def reason_of(error: RequestValidationError) -> str:
    """What is wrong with a body that is JSON, in one sentence: the first of pydantic's findings, with its place."""
    content = error.body
    if not isinstance(content, dict) or set(content) != {"pixels"}:
        said = f"the keys {sorted(content)[:5]!a}" if isinstance(content, dict) else type(content).__name__
        return f"found {said:.200}; expected {EXPECTED}"
    first = error.errors()[0]
    place, value = first["loc"][2:], first["input"]  # loc is ("body", "pixels", row, column)
    if len(place) < 2:
        return f"pixels: {_shape(content['pixels'])}; expected 28 rows of 28 numbers"
    is_number = type(value) in (int, float)
    said = f"{value!r:.40}" if is_number else type(value).__name__
    hint = "; divide by 255?" if is_number and 1 < value <= 255 else ""
    return f"pixels[{place[0]}][{place[1]}] is {said}; expected a number in 0..1{hint}"


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


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
        quiet = {"log_config": None, "log_level": "critical", "access_log": False}
        config = uvicorn.Config(app, loop="asyncio", http=PromptProtocol, **quiet)
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
