"""The original `crawlingathome` client (1.5.0), as far as its tracker can tell: the same requests in the same order.

The client is in no registry. This replays what it sends and how it takes the answers: JSON bodies, a session, the query
of GETs, texts that are searched rather than parsed, one exception for each status, a retry after a lost connection.
Only the methods are spelled as Python is.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit


class ServerError(Exception):
    """Any other status."""


class ZeroJobError(Exception):
    """403."""


class WorkerTimedOutError(Exception):
    """404."""


class InvalidURLError(Exception):
    """What a GPU client was given cannot be had."""


class DumpError(Exception):
    """The client has not what a dump holds."""


_EXCEPTIONS: dict[int, type[Exception]] = {400: ValueError, 403: ZeroJobError, 404: WorkerTimedOutError}


class Session:
    """Sends requests; `lose` makes it lose the answer of the next one, which the client then sends again."""

    def __init__(self, url: str) -> None:
        self.url = url if url.endswith("/") else url + "/"
        self.lose = False

    def get(self, path: str, params: dict[str, str | None] | None = None) -> tuple[int, str]:
        """Fields that are None are not sent."""
        sent = {name: value for name, value in (params or {}).items() if value is not None}
        return self._send("GET", path + (f"?{urlencode(sent)}" if sent else ""), None)

    def post(self, path: str, body: object) -> tuple[int, str]:
        return self._send("POST", path, json.dumps(body).encode())

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, str]:
        host = urlsplit(self.url).netloc
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            headers = {"User-Agent": "python-requests/2.26.0", "Accept": "*/*"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, f"/{path}", body=body, headers=headers)
            response = connection.getresponse()
            told = response.status, response.read().decode()
        finally:
            connection.close()
        if self.lose:
            self.lose = False
            return self._send(method, path, body)
        return told


class Client:
    """HybridClient, CPUClient and GPUClient, which differ in `type` and in what completeJob is given."""

    def __init__(self, url: str, nickname: str | None, kind: str, *, _recycled: bool = False) -> None:
        self.s = Session(url)
        self.url, self.type, self.nickname = self.s.url, kind, nickname
        if _recycled:
            return
        status, text = self.s.get("api/new", {"nickname": nickname, "type": self.type})
        self._check(status, text)
        data = json.loads(text)
        self.token, self.display_name = data["token"], data["display_name"]
        self.upload_address = data["upload_address"]

    def _check(self, status: int, text: str) -> None:
        if status == 200:
            return
        self.log("Crashed", crashed=True)  # AttributeError where there is no token yet, as in the original
        raise _EXCEPTIONS.get(status, ServerError)(f"[crawling@home] {text} (status {status})")

    def update_upload_server(self) -> None:
        status, text = self.s.get("api/getUploadAddress", {"type": self.type})
        self._check(status, text)
        self.upload_address = text

    def job_count(self) -> int:
        status, text = self.s.get("api/jobCount", {"type": self.type})
        self._check(status, text)
        return int(text)

    def new_job(self) -> None:
        status, text = self.s.post("api/newJob", {"token": self.token, "type": self.type})
        self._check(status, text)
        data = json.loads(text)
        self.shard = data["url"]
        self.start_id, self.end_id = int(data["start_id"]), int(data["end_id"])
        self.shard_piece = data["shard"]

    def download_shard(self, download: Callable[[str], None]) -> None:
        """`download` stands for what the original does with an http address. Anything else went to a shell."""
        self.log("Downloading shard")
        if self.type == "GPU" and not self.shard.startswith(("http", "rsync")):
            self.invalid_url()
        assert self.shard.startswith("http"), f"would run: rsync ...::gpujobs/{self.shard}"
        download(self.shard)
        self.log("Downloaded shard")

    def invalid_url(self) -> None:
        self.s.post("api/gpuInvalidDownload", {"token": self.token, "type": self.type})
        raise InvalidURLError("[crawling@home] Invalid URL")

    def complete_job(self, said: object) -> None:
        """With the number of pairs, or for CPU clients the address of the images."""
        field = "url" if self.type == "CPU" else "count"
        status, text = self.s.post("api/markAsDone", {"token": self.token, field: said, "type": self.type})
        self._check(status, text)

    def log(self, progress: str, *, crashed: bool = False) -> None:
        body = {"token": self.token, "progress": progress, "type": self.type}
        status, text = self.s.post("api/updateProgress", body)
        if status != 200 and not crashed:
            self._check(status, text)

    def is_alive(self) -> bool:
        status, text = self.s.post("api/validateWorker", {"token": self.token, "type": self.type})
        self._check(status, text)
        return "True" in text

    def recreate(self) -> None:
        new = Client(self.url, self.nickname, self.type)
        self.token, self.display_name, self.upload_address = new.token, new.display_name, new.upload_address

    def bye(self) -> None:
        self.s.post("api/bye", {"token": self.token, "type": self.type})

    def dump(self) -> dict[str, Any]:
        """What `load` makes the client of again, in another process."""
        return {
            "_type": self.type, "url": self.url, "token": self.token, "nickname": self.nickname,
            "shard": getattr(self, "shard", None), "start_id": str(getattr(self, "start_id", None)),
            "end_id": str(getattr(self, "end_id", None)), "shard_piece": getattr(self, "shard_piece", None),
            "wat": None, "shards": None,
        }  # fmt: skip


def load(
    _type: str, url: str, token: str, nickname: str, shard: str, start_id: str, end_id: str, shard_piece: int, **_: Any
) -> Client:
    """A client out of what another has dumped."""
    client = Client(url, nickname, _type, _recycled=True)
    client.token, client.shard, client.shard_piece = token, shard, shard_piece
    client.start_id, client.end_id = int(start_id), int(end_id)
    return client


def init(url: str, nickname: str | None = "anonymous", kind: str = "Hybrid") -> Client:
    """By the first letter of the type, as the original."""
    return Client(url, nickname, {"h": "HYBRID", "c": "CPU", "g": "GPU"}[kind.lower()[0]])


class FullWatClient:
    """FullWATClient: takes both halves of a WAT at once, through addresses that know no client."""

    def __init__(self, url: str, nickname: str = "anonymous") -> None:
        self.s, self.nickname, self.completed = Session(url), nickname, 0
        self._c = Client(url, nickname, "CPU")
        self.upload_address = self._c.upload_address
        self.shards: list[Any] | None = None
        self.wat: str | None = None
        self.log("Waiting for new job")

    def log(self, told: str) -> None:
        try:
            self._c.log(told)
        except WorkerTimedOutError:
            self._c = Client(self._c.url, self.nickname, "CPU")
            self.log(told)

    def new_job(self, *, most_tries: int = 20) -> None:
        """Asks until it has a WAT with two open halves; the original asks for ever."""
        for _ in range(most_tries):
            wat = self.s.get("custom/get-cpu-wat")[1]
            if "http" not in wat:
                self.log("Crashed")
                return
            found = json.loads(self.s.post("custom/lookup-wat", {"url": wat})[1])
            if found["status"] == "success" and len(found["shards"]) >= 2:
                self.shards, self.wat = found["shards"], wat
                self.log("Recieved new jobs")
                return
        raise AssertionError("asks for ever")

    def complete_job(self, urls: dict[int, str], *, with_token: bool = True) -> str:
        """Returns the status, which the original looks at, too."""
        assert self.shards is not None
        body = {"urls": urls, "shards": [shard[0] for shard in self.shards], "nickname": self.nickname}
        if with_token:
            body["token"] = self._c.token
        told = json.loads(self.s.post("custom/markasdone-cpu", body)[1])
        if told["status"] == "success":
            self.completed += told["completed"]
        self.shards, self.wat = None, None
        self.log("Marked jobs as done")
        status: str = told["status"]
        return status
