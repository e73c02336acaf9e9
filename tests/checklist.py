"""Which tests show which case of the adversarial checklist: a comment `# checklist 13` above or inside a test says so.

The cases are numbered in docs/adversarial.md, which also lists those that were decided otherwise.
"""

from __future__ import annotations

import re
from pathlib import Path

#: the cases about addresses, network, bodies, decoders, archives, texts and opt-outs: `make prove-hostile` runs them
HOSTILE_CASES = (*range(1, 29), *range(46, 53), 55)
#: the cases about lists: `make prove-filters` runs them
FILTER_CASES = tuple(range(38, 45))
#: the cases about volunteers and their tracker: `make prove-home` runs them, by the invariants that they are part of
HOME_CASES = tuple(range(29, 37))
#: the cases about data sets that are rebuilt and re-issued: `make prove-rebuild` runs them
REBUILD_CASES = (45, 53, 54)
CASES = (*HOSTILE_CASES, *FILTER_CASES, *HOME_CASES, *REBUILD_CASES)

_NUMBERS = r"((?:[0-9]+(?:, | and )?)+)"
_TEST = re.compile(r"\s*(?:async )?def (test_\w+)")


def named_tests(folder: Path, word: str = "checklist") -> dict[int, list[str]]:
    """For each case the tests that name it, as "tests/crawler/test_x.py::test_y". Other lists have another `word`."""
    found: dict[int, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        name = path.relative_to(folder.parent).as_posix()
        for number, test in _cases_in(path.read_text(encoding="utf-8").splitlines(), word):
            found.setdefault(number, []).append(f"{name}::{test}")
    return found


def _cases_in(lines: list[str], word: str) -> list[tuple[int, str]]:
    """Pairs of case and test. A comment belongs to the test whose body it stands in, else to the next one."""
    named = re.compile(rf"#.*?\b{word}s? {_NUMBERS}")
    found: list[tuple[int, str]] = []
    test = ""
    pending: list[int] = []
    for line in lines:
        if started := _TEST.match(line):
            test = started[1]
            found += [(number, test) for number in pending]
            pending = []
        if comment := named.search(line):
            numbers = [int(one) for one in re.findall("[0-9]+", comment[1])]
            if test and line.startswith((" ", "def ", "async def ", ")")):  # also behind the last line of a signature
                found += [(number, test) for number in numbers]
            else:
                pending = numbers
    return found
