"""An HTTP proxy before a real server that misbehaves on request, and remembers what came by."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import httpx2
from msgspec import Struct


class Say(Struct, frozen=True):
    """Answer this without asking the server."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Cut(Struct, frozen=True):
    """Close the connection instead of answering; ``after`` the server has done what was asked, or before it hears."""

    after: bool


Fault = Say | Cut


class Front:
    """Passes requests on to ``target``; those to a path with a fault planned get that, one each."""

    def __init__(self, target: str) -> None:
        self._http = httpx2.Client(base_url=target, timeout=20)
        self._planned: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self.seen: list[str] = []
        self.authorizations: list[str] = []

    def plan(self, request: str, *faults: Fault) -> None:
        """The next requests that begin with ``request`` (``POST /v1/users``) get these, in turn."""
        self._planned += ((request, fault) for fault in faults)

    def count(self, request: str) -> int:
        return sum(each.startswith(request) for each in self.seen)

    def fault(self, request: str, authorization: str) -> Fault | None:
        with self._lock:
            self.seen.append(request)
            self.authorizations.append(authorization)
            for number, (wanted, fault) in enumerate(self._planned):
                if request.startswith(wanted):
                    del self._planned[number]
                    return fault
        return None

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Say:
        passed = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        answer = self._http.request(method, path, headers=passed, content=body)
        kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
        return Say(answer.status_code, kept, answer.content)

    def __enter__(self) -> "Front":
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._http.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            fault = front.fault(f"{self.command} {self.path}", self.headers.get("authorization", ""))
            said = fault if isinstance(fault, Say) else None
            if said is None and fault != Cut(after=False):
                said = front.ask(self.command, self.path, dict(self.headers.items()), body)
            if said is not None and not isinstance(fault, Cut):
                self.say(said)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

        def say(self, said: Say) -> None:
            self.send_response(said.status)
            for name, value in {**said.headers, "content-length": str(len(said.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler
