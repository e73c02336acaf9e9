"""How fast this machine's line is, by the files that came and went over it anyway. Nothing is sent to find out."""

from __future__ import annotations

import msgspec

from workers.home.folder import HomeFolder

#: a file has to have so many bytes for its journey to tell
_TELLING_BYTES = 256 * 1024


class LineSpeed:
    """Keeps what was seen last, in the volunteer's folder: lines change, and so do those who share them."""

    def __init__(self, folder: HomeFolder) -> None:
        self._folder = folder

    def came(self, count: int, seconds: float) -> None:
        """So many bytes have come in so many seconds."""
        if speed := _speed(count, seconds):
            self._folder.keep_line(msgspec.structs.replace(self._folder.line(), down=speed))

    def went(self, count: int, seconds: float) -> None:
        """So many bytes have gone."""
        if speed := _speed(count, seconds):
            self._folder.keep_line(msgspec.structs.replace(self._folder.line(), up=speed))


def _speed(count: int, seconds: float) -> float:
    """Bytes a second; 0 where they were too few to tell."""
    return count / seconds if count >= _TELLING_BYTES and seconds > 0 else 0.0
