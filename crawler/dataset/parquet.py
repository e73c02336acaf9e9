"""What pyarrow says of a parquet file that is not what it should be, as our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawler.errors import DatasetError, InputError


@contextmanager
def read_as_parquet(path: Path, what: str, *, stored: bool = False) -> Iterator[None]:
    """While inside, `path` is read.

    Args:
        path: the file.
        what: it should be, in words: "a table".
        stored: whether it is an object of a store, and not somebody's input.

    Raises:
        InputError: it is something else, or broken.
        DatasetError: the same, of an object.
        OSError: the disk cannot be read.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy

    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's; pyarrow makes OSErrors of broken files, too, but without a number
        kind = DatasetError if stored else InputError
        raise kind(f"{path}: cannot be read as {what}: {error}") from error
