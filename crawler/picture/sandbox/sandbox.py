"""A decoder that cannot take its user down: pictures, or why there are none, by way of a child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from crawler.errors import MissingPackageError
from crawler.picture.encode import extension_of
from crawler.picture.hashes import ALL, PERCEPTUAL, Looks, hashes_of, hashes_with
from crawler.picture.magic import kind_of
from crawler.picture.sandbox.process import CHILD, Child, LostError
from crawler.picture.sandbox.wire import (
    HEAD_LENGTH,
    LONGEST_HEAD,
    REQUEST,
    Begin,
    Failed,
    Head,
    NonsenseError,
    Ready,
    Shown,
    Sketched,
    packed,
    read_head,
)
from crawler.picture.sizes import sizes_of
from crawler.records import Fault, Fetched, Hashes, Header, Picture, Rejected
from crawler.settings import Output

if TYPE_CHECKING:
    from PIL.Image import Image

    from crawler.settings import Decode

#: a child is renewed after so many pictures: what a picture has done to it ends there
_PICTURES_PER_CHILD = 10_000
#: and when it holds so much between two pictures, looked at now and then; a fresh one holds about 30 MB
_GROWN_BYTES = 256 * 1024 * 1024
_PICTURES_PER_LOOK = 100


_NO_SKETCHES = Output()


class Drawn(NamedTuple):
    """A picture as it will be written, before it is encoded; its hashes are those of the whole."""

    header: Header
    hashes: Hashes
    pixels: Image


class _Whole(NamedTuple):
    header: Header
    pixels: Image


class _Sketch(NamedTuple):
    header: Header
    pixels: Image
    looks: Looks


class Sandbox:
    """One decoder for one thread, with a child process that is replaced whenever it is lost."""

    def __init__(
        self, settings: Decode, command: Sequence[str] = CHILD, *, output: Output | None = None,
        hashes: AbstractSet[str] = ALL,
    ) -> None:  # fmt: skip
        """Start a child, without waiting for it.

        `command` is what is run, `output` how sketches are drawn (without it none may be asked
        for), `hashes` what pictures come with.
        """
        self._settings = settings
        self._output = output or _NO_SKETCHES
        self._hashes = hashes
        # a child that draws no sketches looks at nothing: what hashes are made with takes it half a second to import
        self._looks = tuple(sorted(hashes & PERCEPTUAL)) if output is not None else ()
        self._command = command
        self._child = Child(settings.pixels, command)
        self._is_ready = False
        self._pictures = 0  # that this child was given
        self._spent_before = 0.0  # processor seconds of the children before this one

    @property
    def pid(self) -> int:
        """The number of the child process at present."""
        return self._child.pid

    @property
    def cpu_seconds_elsewhere(self) -> float:
        """Processor time of its children so far, their start included; 0 where the system does not tell."""
        return self._spent_before + self._child.cpu_seconds

    def decode(self, fetched: Fetched) -> Picture | Rejected:
        """The picture of a body, with its hashes, as `crawler.picture.decode.decode` makes it.

        A picture that crashes its decoder, or asks more of it than the settings allow, is `DECODER_KILLED`.

        Raises:
            MissingPackageError: a decoder process cannot be started here at all.
        """
        outcome = self.draw(fetched.body)
        if isinstance(outcome, Failed):
            return Rejected(fetched.candidate, outcome.fault, outcome.detail)
        header, pixels = outcome
        return Picture(fetched, header, hashes_of(fetched.body, pixels, self._hashes), pixels)

    def sketch(self, fetched: Fetched) -> Drawn | Picture | Rejected:
        """The picture of a body as it will be written, with the hashes of the whole; see `crawler.picture.sketch`.

        One that has to be drawn larger than a decoded picture may be comes whole.

        Raises:
            MissingPackageError: as `decode`.
        """
        outcome = self._seen(fetched.body, sketch=True)
        if isinstance(outcome, Failed):
            return Rejected(fetched.candidate, outcome.fault, outcome.detail)
        if isinstance(outcome, _Whole):
            return Picture(
                fetched, outcome.header, hashes_of(fetched.body, outcome.pixels, self._hashes), outcome.pixels
            )
        return Drawn(outcome.header, hashes_with(fetched.body, outcome.looks, self._hashes), outcome.pixels)

    def draw(self, body: bytes) -> Failed | tuple[Header, Image]:
        """What a file says of itself and its pixels, as `crawler.picture.decode.decode_body` makes them; no hashes.

        Raises:
            MissingPackageError: as `decode`.
        """
        outcome = self._seen(body)
        if isinstance(outcome, Failed):
            return outcome
        assert isinstance(outcome, _Whole)  # a child that sketches unasked talks nonsense
        return outcome.header, outcome.pixels

    def _seen(self, body: bytes, *, sketch: bool = False) -> Failed | _Whole | _Sketch:
        kind = kind_of(body)
        if kind is None:
            return Failed(Fault.NOT_AN_IMAGE, "")
        if kind not in self._settings.formats:
            return Failed(Fault.FORMAT_REFUSED, kind)
        return self._ask(body, kind, sketch=sketch)

    def end(self) -> None:
        """End the child; to be called when no thread is in `decode`."""
        self._child.end()

    def _ask(self, body: bytes, kind: str, *, sketch: bool = False) -> Failed | _Whole | _Sketch:
        """The child's answer. Whatever interrupts it, no half-read answer is left for the next picture."""
        self._make_ready()
        whole = False
        self._pictures += 1
        try:
            self._child.allow(_seconds_for(self._settings) * (1 + sketch))
            self._child.write(REQUEST.pack(len(body), sketch), body)
            answer = self._answer(kind, sketch=sketch)
            whole = True
        except LostError as error:
            return Failed(Fault.DECODER_KILLED, f"{kind}: {error}")
        except NonsenseError as error:
            return Failed(Fault.DECODER_KILLED, f"{kind}: nonsense: {error}")
        finally:
            if not whole:
                self._renew()
        if isinstance(answer, Failed) and answer.fault is Fault.DECODER_KILLED:
            self._renew()  # it ran out of memory and said so; a fresh one is in better order
        return answer

    def _answer(self, kind: str, *, sketch: bool) -> Failed | _Whole | _Sketch:
        head = self._head()
        if isinstance(head, Failed):
            return head
        if isinstance(head, Ready) or (isinstance(head, Sketched) and not sketch):
            raise NonsenseError("an answer to something else")
        if isinstance(head, Shown):
            return _Whole(self._header(head, kind), self._child.canvas.picture(head.width, head.height))
        header = self._header(head.shown, kind)
        sizes = sizes_of(head.shown.width, head.shown.height, self._output, extension_of(header, self._output))
        if (head.width, head.height) != sizes.final or head.width * head.height > self._settings.pixels:
            raise NonsenseError(f"a sketch of {head.width} x {head.height}")
        return _Sketch(header, self._child.canvas.picture(head.width, head.height), head.looks)

    def _header(self, head: Shown, kind: str) -> Header:
        width, height, limits = head.width, head.height, self._settings
        if head.format != kind or width * height > limits.pixels or max(width, height) > limits.side_pixels:
            raise NonsenseError(f"{head.format} of {width} x {height}")
        return Header(head.file_width, head.file_height, kind, head.frames, head.orientation, head.made_by, head.exif)

    def _head(self) -> Head:
        length = bytearray(HEAD_LENGTH.size)
        self._child.read_into(memoryview(length))
        (count,) = HEAD_LENGTH.unpack(length)
        if count > LONGEST_HEAD:
            raise NonsenseError(f"a head of {count} bytes")
        content = bytearray(count)
        self._child.read_into(memoryview(content))
        return read_head(bytes(content))

    def _make_ready(self) -> None:
        """See that there is a child that waits for a picture."""
        is_old = self._pictures >= _PICTURES_PER_CHILD
        if not is_old and self._pictures % _PICTURES_PER_LOOK == _PICTURES_PER_LOOK - 1:
            is_old = self._child.memory_bytes > _GROWN_BYTES
        # one that died between two pictures costs none; one that speaks unasked is not listened to
        if is_old or (self._is_ready and self._child.has_spoken):
            self._renew()
        if self._is_ready:
            return
        try:
            self._child.write(packed(Begin(self._settings, self._output, self._looks)))
            said = self._head()
        except (LostError, NonsenseError) as error:
            raise self._not_started(str(error)) from error
        if not isinstance(said, Ready):
            raise self._not_started("not ready")
        self._is_ready = True

    def _not_started(self, why: str) -> MissingPackageError:
        self._child.end()
        *_, last = ["", *self._child.complaint.splitlines()]
        return MissingPackageError(f"no decoder process can be started with `{' '.join(self._command)}`: {last or why}")

    def _renew(self) -> None:
        self._spent_before += self._child.cpu_seconds
        self._child.end()
        self._child, self._is_ready, self._pictures = Child(self._settings.pixels, self._command), False, 0


def _seconds_for(settings: Decode) -> float:
    """How long an answer may take: far more than the processor time, for a machine may have much else to do."""
    return 4.0 * settings.cpu_seconds + 5


@contextmanager
def open_sandboxes(
    settings: Decode, number: int, *, output: Output | None = None, hashes: AbstractSet[str] = ALL
) -> Iterator[tuple[Sandbox, ...]]:
    """So many decoders, one for each thread; their processes end with the context, however it is left.

    `output` is how sketches are drawn, where any are asked for; `hashes` are those that pictures come with.

    Raises:
        MissingPackageError: what fast drawing needs is not installed.
    """
    if output is not None and output.drawing == "fast":
        from crawler.picture.fast import make_sure  # noqa: PLC0415 - an extra

        make_sure()
    with ExitStack() as stack:
        sandboxes = []
        for _ in range(number):
            sandboxes.append(Sandbox(settings, output=output, hashes=hashes))
            stack.callback(sandboxes[-1].end)
        yield tuple(sandboxes)


__all__ = ["Drawn", "Failed", "Sandbox", "open_sandboxes"]
