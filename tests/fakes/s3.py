"""A strict little S3 on loopback: takes nothing whose signature, time, length, checksum or condition is not in order.

    with s3_server() as s3:
        ...                       # endpoint s3.root, keys s3.access and s3.secret, bucket s3.bucket
        assert s3.objects == {"uploads/ab": b"..."}

Signatures are computed anew from the request by the text of AWS Signature Version 4, with nothing of botocore's. Moto
does not look at them at all.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from aiohttp import web

_FORMAT = "%Y%m%dT%H%M%SZ"
#: that a presigned PUT of ours must sign: a client could leave out what is not signed
MUST_SIGN = frozenset({"host", "content-length", "if-none-match", "x-amz-checksum-sha256"})


class RefusedError(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(slots=True)
class S3Server:
    """What a test holds in its hand."""

    bucket: str = "campaign"
    access: str = "AKFAKE"
    secret: str = "secret/of+the=fake"
    region: str = "eu-west-9"
    root: str = ""  # "http://127.0.0.1:PORT"
    objects: dict[str, bytes] = field(default_factory=dict)
    #: statuses to answer with before anything is looked at, one for a request
    failing: list[int] = field(default_factory=list)
    #: stores that do not tell a checksum are older
    tells_checksums: bool = True
    asked: list[tuple[str, str, int]] = field(default_factory=list)  # method, key, status
    #: added to now: permits run out without waiting
    later: timedelta = timedelta()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        key = ""
        try:
            bucket, _, key = unquote(urlsplit(str(request.raw_path)).path).lstrip("/").partition("/")
            self._admit(request, bucket)
            response = await self._act(request, key)
        except RefusedError as no:
            told = f"<?xml version='1.0'?><Error><Code>{no.code}</Code><Message>{no.code}</Message></Error>"
            response = web.Response(status=no.status, text=told, content_type="application/xml")
        self.asked.append((request.method, key, response.status))
        return response

    def _admit(self, request: web.Request, bucket: str) -> None:
        if self.failing:
            raise RefusedError(self.failing.pop(0), "ServiceUnavailable")
        self._authorise(request)
        if bucket != self.bucket:
            raise RefusedError(404, "NoSuchBucket")

    async def _act(self, request: web.Request, key: str) -> web.Response:
        match request.method:
            case "PUT":
                return await self._put(request, key)
            case "GET" if not key:
                return self._list(request.query.get("prefix", ""))
            case "HEAD" if not key:
                return web.Response()
            case "GET" | "HEAD":
                return self._get(request, key)
            case "DELETE":
                self.objects.pop(key, None)
                return web.Response(status=204)
            case _:
                raise RefusedError(405, "MethodNotAllowed")

    async def _put(self, request: web.Request, key: str) -> web.Response:
        if "Content-Length" not in request.headers:
            raise RefusedError(411, "MissingContentLength")
        body = await request.read()
        if len(body) != request.content_length:
            raise RefusedError(400, "IncompleteBody")
        checksum = request.headers.get("x-amz-checksum-sha256")
        if checksum is not None and checksum != _base64_sha256(body):
            raise RefusedError(400, "BadDigest")
        if request.headers.get("If-None-Match") == "*" and key in self.objects:
            raise RefusedError(412, "PreconditionFailed")
        wanted = request.headers.get("If-Match")
        if wanted is not None and (key not in self.objects or wanted != _tag(self.objects[key])):
            raise RefusedError(412, "PreconditionFailed")
        self.objects[key] = body
        return web.Response(headers={"ETag": _tag(body)})

    def _get(self, request: web.Request, key: str) -> web.Response:
        if key not in self.objects:
            raise RefusedError(404, "NoSuchKey")
        body = self.objects[key]
        headers = {"ETag": _tag(body), "Content-Length": str(len(body))}
        if self.tells_checksums and request.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers |= {"x-amz-checksum-sha256": _base64_sha256(body), "x-amz-checksum-type": "FULL_OBJECT"}
        return web.Response(body=body if request.method == "GET" else None, headers=headers)

    def _list(self, prefix: str) -> web.Response:
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size></Contents>"
            for key, body in sorted(self.objects.items()) if key.startswith(prefix)
        )  # fmt: skip
        told = f"<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
        return web.Response(text=told, content_type="application/xml")

    def _authorise(self, request: web.Request) -> None:
        """Raises RefusedError for whatever AWS's own text says is not to be taken."""
        parts = urlsplit(str(request.raw_path))
        asked = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        query = dict(asked)
        if len(query) != len(asked):
            raise RefusedError(403, "AccessDenied")
        if "X-Amz-Signature" in query:
            given = query.pop("X-Amz-Signature")
            signed = query["X-Amz-SignedHeaders"].split(";")
            scope, at, payload = query["X-Amz-Credential"], query["X-Amz-Date"], "UNSIGNED-PAYLOAD"
            self._check_time(at, int(query["X-Amz-Expires"]))
            if request.method == "PUT" and not set(signed) >= MUST_SIGN:
                raise RefusedError(403, "AccessDenied")
        else:
            scope, signed, given = _authorization(request.headers.get("Authorization", ""))
            at, payload = request.headers.get("X-Amz-Date", ""), request.headers.get("X-Amz-Content-SHA256", "")
        access, _, rest = scope.partition("/")
        if access != self.access or rest != f"{at[:8]}/{self.region}/s3/aws4_request":
            raise RefusedError(403, "InvalidAccessKeyId")
        headers = []
        for name in signed:
            if name not in request.headers:
                raise RefusedError(403, "SignatureDoesNotMatch")
            headers.append(f"{name}:{' '.join(request.headers[name].split())}")
        canonical = "\n".join([
            request.method, quote(unquote(parts.path), safe="/-_.~"),
            "&".join(sorted(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in query.items())),
            *headers, "", ";".join(signed), payload,
        ])  # fmt: skip
        if not hmac.compare_digest(self._signature(canonical, at, rest), given):
            raise RefusedError(403, "SignatureDoesNotMatch")

    def _check_time(self, at: str, seconds: int) -> None:
        signed_at = datetime.strptime(at, _FORMAT).replace(tzinfo=UTC)
        if not signed_at <= datetime.now(UTC) + timedelta(minutes=15):
            raise RefusedError(403, "AccessDenied")
        if datetime.now(UTC) + self.later > signed_at + timedelta(seconds=seconds):
            raise RefusedError(403, "AccessDenied")

    def _signature(self, canonical: str, at: str, scope: str) -> str:
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        return hmac.digest(key, text.encode(), "sha256").hex()


def _authorization(header: str) -> tuple[str, list[str], str]:
    """Scope, signed headers and signature of an Authorization header."""
    scheme, _, rest = header.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if scheme != "AWS4-HMAC-SHA256" or parts.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise RefusedError(403, "AccessDenied")
    return parts["Credential"], parts["SignedHeaders"].split(";"), parts["Signature"]


def _tag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def _base64_sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server in a thread of its own."""
    server = S3Server()
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.root = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(60), "the server did not start"
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
