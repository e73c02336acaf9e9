"""Lines of a text of any length, none of them longer than memory allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

#: a longer line is no row: documents of mmc4 have some 100 kB
LONGEST_LINE_BYTES = 16 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def lines_of(parts: Iterable[bytes]) -> Iterator[bytes | None]:
    """The lines of a text that comes in parts, without their ends (LF or CR LF) and without a byte order mark.

    None stands for a line of more than `LONGEST_LINE_BYTES`. What follows the last line end is a line if it is not
    empty. Raises what `parts` raises, and then keeps back the line that was cut.
    """
    kept = bytearray()
    too_long = False
    number = 0
    for part in parts:
        *ended, rest = part.split(b"\n")
        for piece in ended:
            line = bytes(kept) + piece if kept else piece
            kept.clear()
            if too_long or len(line) > LONGEST_LINE_BYTES:
                yield None
            else:
                yield (line if number else line.removeprefix(_BYTE_ORDER_MARK)).removesuffix(b"\r")
            too_long = False
            number += 1
        if not too_long:
            kept += rest
        if len(kept) > LONGEST_LINE_BYTES:
            kept.clear()
            too_long = True
    if too_long:
        yield None
    elif last := (bytes(kept) if number else bytes(kept).removeprefix(_BYTE_ORDER_MARK)).removesuffix(b"\r"):
        yield last
