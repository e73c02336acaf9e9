"""A wire between a store and its server that breaks at a commit: before the server hears of it, or after it did it."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self


class Relay:
    """Listens on a port of its own and passes everything on, until `cut` is set to "before" or "after"."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.cut: str | None = None
        self.cuts = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            cutting = threading.Event()
            self._start(self._up, client, server, cutting)
            self._start(self._down, client, server, cutting)

    def _up(self, client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
        while sent := _read(client):
            if b"COMMIT\0" in sent and self.cut is not None:
                how, self.cut = self.cut, None
                self.cuts += 1
                cutting.set()
                if how == "after":
                    server.sendall(sent)  # its answer is swallowed below
                    return
                break
            server.sendall(sent)
        _close(client, server)

    def _down(self, client: socket.socket, server: socket.socket, cutting: threading.Event) -> None:
        while answered := _read(server):
            if cutting.is_set():
                break
            client.sendall(answered)
        _close(client, server)

    def _start(self, call: object, *arguments: object) -> None:
        threading.Thread(target=call, args=arguments, daemon=True).start()  # type: ignore[arg-type]  # a method of ours


def _read(end: socket.socket) -> bytes:
    try:
        return end.recv(65_536)
    except OSError:
        return b""


def _close(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other thread was first
            continue
