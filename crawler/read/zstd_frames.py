"""Archives of one Zstandard frame a record (.warc.zst), with or without the dictionary frame of the IIPC proposal."""

from __future__ import annotations

import zstandard

from crawler.read.pieces import Compression, Piece, Window
from crawler.read.record import RECORD_BYTES, BrokenRecordError, CutShortError, TooLargeError

MAGIC = b"\x28\xb5\x2f\xfd"
_DICTIONARY_FRAME = 0x184D2A5D
#: the most memory that a frame may ask for to look back into; every decoder must grant 8 MB, archives use up to this
_LOOK_BACK_BYTES = 128 * 1024 * 1024
_READ_BYTES = 1024 * 1024


def is_skippable(data: bytes | memoryview) -> bool:
    """Whether a skippable frame begins here: a dictionary, or a note of the writer."""
    return len(data) >= 4 and int.from_bytes(data[:4], "little") & 0xFFFFFFF0 == 0x184D2A50


def frame_length(data: bytes | memoryview) -> int:
    """The length in bytes of the frame at the start of `data`, found by stepping over its blocks (RFC 8878, 3.1.1).

    Raises:
        CutShortError: `data` ends before the frame does.
        BrokenRecordError: no frame begins here.
    """
    end = 0
    if is_skippable(data):
        end = 8 + int.from_bytes(data[4:8], "little") if len(data) >= 8 else 0
    elif bytes(data[:4]) == MAGIC:
        end = _end_of_blocks(data)
    elif not MAGIC.startswith(bytes(data[:4])):
        raise BrokenRecordError("no Zstandard frame begins here")
    if not 0 < end <= len(data):
        raise CutShortError("the file ends in the middle of a Zstandard frame")
    return end


def _end_of_blocks(data: bytes | memoryview) -> int:
    """Where the frame at the start of `data` ends; 0 where the data end first."""
    if len(data) < 18:  # the longest frame header
        data = bytes(data) + bytes(18 - len(data))
    try:
        position: int = zstandard.frame_header_size(data)
        checksum_bytes = 4 if zstandard.get_frame_parameters(data).has_checksum else 0
    except zstandard.ZstdError as error:
        raise BrokenRecordError(str(error)) from error
    while position + 3 <= len(data):
        block = int.from_bytes(data[position : position + 3], "little")
        kind = block >> 1 & 3
        if kind == 3:
            raise BrokenRecordError("a block of the reserved kind")
        position += 3 + (1 if kind == 1 else block >> 3)  # kind 1 is one byte repeated
        if block & 1:
            return position + checksum_bytes
    return 0


class ZstdFrames:
    """Unpacks the frames of one archive in their order, for a dictionary holds for the frames after it."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_LOOK_BACK_BYTES)

    def unpack(self, window: Window) -> Piece | None:
        """As `Compression.unpack`."""
        length = window.measure(frame_length)
        frame = window.data[window.position : window.position + length]
        if is_skippable(frame):
            if int.from_bytes(frame[:4], "little") == _DICTIONARY_FRAME:
                self._take_dictionary(frame[8:])
            piece = None
        else:
            piece = Piece(self._content(frame), checked=zstandard.get_frame_parameters(frame).has_checksum)
        window.position += len(frame)
        return piece

    def begins_a_record(self, data: bytes) -> bool:
        """As `Compression.begins_a_record`."""
        try:
            with self._decompressor.stream_reader(data) as reader:
                return bool(reader.read(5) == b"WARC/")
        except zstandard.ZstdError:
            return False

    def _take_dictionary(self, content: bytes) -> None:
        if content.startswith(MAGIC):
            content = self._content(content)
        dictionary = zstandard.ZstdCompressionDict(content)
        self._decompressor = zstandard.ZstdDecompressor(dictionary, max_window_size=_LOOK_BACK_BYTES)

    def _content(self, frame: bytes) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            # A frame need not say its size, and may lie: read in parts and stop asking at the cap.
            with self._decompressor.stream_reader(frame) as reader:
                while size <= RECORD_BYTES and (part := reader.read(_READ_BYTES)):
                    parts.append(part)
                    size += len(part)
        except zstandard.ZstdError as error:
            raise BrokenRecordError(str(error)) from error
        if size > RECORD_BYTES:
            raise TooLargeError(f"unpacks to more than {RECORD_BYTES} bytes")
        return b"".join(parts)


def zstd() -> Compression:
    """The compression for one archive of Zstandard frames."""
    frames = ZstdFrames()
    return Compression(MAGIC, frames.unpack, frames.begins_a_record)
