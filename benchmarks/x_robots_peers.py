"""How X-Robots-Tag values are read: here, by img2dataset and by datadiligence, beside what they should be read as.

    pip install --target PEERS --no-deps img2dataset datadiligence
    python benchmarks/x_robots_peers.py --peers PEERS

Prints one row a value, with * where an answer is wrong, and the number of wrong ones. Each parser runs as shipped, as the
robot "pairtrawl", with its own list of directives that refuse (datadiligence with `respect_noindex`). What is not
installed is skipped, and said so.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
from collections.abc import Callable
from email.message import Message
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crawler.rights.x_robots import directives_for
from crawler.settings import OptOuts
from tests.crawler.rights.test_x_robots import CASES

ROBOT = "pairtrawl"
#: the default of img2dataset's --disallowed_header_directives
IMG2DATASET_DIRECTIVES = ("noai", "noimageai", "noindex", "noimageindex")

Allows = Callable[[str], bool]


def ours(value: str) -> bool:
    """Whether pairtrawl's default recipe may use an image sent with this value."""
    return directives_for([value], ROBOT).isdisjoint(OptOuts().image_directives)


def img2dataset(peers: Path) -> Allows:
    """The same by img2dataset. The one function is taken from its file, whose imports are of no matter here.

    Raises:
        ImportError: it is not installed there.
    """
    file = peers / "img2dataset" / "downloader.py"
    if not file.is_file():
        raise ImportError(f"no {file.name}")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "is_disallowed"]
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "img2dataset_is_disallowed.py"
        alone.write_text(f"import traceback\n{ast.unparse(tree)}\n", encoding="utf-8")
        sys.path.insert(0, folder)
        is_disallowed: Callable[..., bool] = import_module(alone.stem).is_disallowed
        sys.path.remove(folder)

    def allows(value: str) -> bool:
        headers = Message()
        headers["X-Robots-Tag"] = value
        return not is_disallowed(headers, ROBOT, IMG2DATASET_DIRECTIVES)

    return allows


def datadiligence(peers: Path) -> Allows:
    """The same by datadiligence.

    Raises:
        ImportError: it, or a package that it imports, is not installed.
    """
    sys.path.insert(0, str(peers))
    rule = import_module("datadiligence.rules.http").XRobotsTagHeader(user_agent=ROBOT, respect_noindex=True)
    return lambda value: bool(rule.is_allowed(headers={"X-Robots-Tag": value or " "}))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="X-Robots-Tag, read by three parsers")
    parser.add_argument("--peers", type=Path, default=Path("peers"), help="folder of pip install --target")
    peers = parser.parse_args().peers.resolve()
    readers: dict[str, Allows] = {"pairtrawl": ours}
    for find in (img2dataset, datadiligence):
        try:
            readers[find.__name__] = find(peers)
        except ImportError as error:
            print(f"skipped {find.__name__}: {error}")
    wrong = dict.fromkeys(readers, 0)
    print("right   " + "".join(f"{name:15}" for name in readers) + "value")
    for value, allowed in CASES:
        row = "use     " if allowed else "leave   "
        for name, allows in readers.items():
            answer = allows(value)
            wrong[name] += answer != allowed
            row += f"{('use' if answer else 'leave') + ('' if answer == allowed else ' *'):15}"
        print(row + repr(value))
    print("wrong   " + "".join(f"{f'{count} of {len(CASES)}':15}" for count in wrong.values()))


if __name__ == "__main__":
    main()
