"""What becomes of each command of the pages: it is run, checked by its words, or excused."""

from __future__ import annotations

from collections import Counter

from tests.docs.excused import COMMANDS, Excuse
from tests.docs.reading import ROOT, Block, Command, blocks_of, commands_of, pages

#: what each page shows, in order
TOLD: dict[str, list[Block | Command]] = {
    page: commands_of(blocks_of(page, (ROOT / page).read_text(encoding="utf-8"))) for page in pages()
}
#: programs whose targets and extras are looked up: to run them would make this environment anew, or run these tests
_LOOKED_UP = {"make", "pip"}


def excuse_for(command: Command) -> Excuse | None:
    """Why a command is not run, or None where it is."""
    return next((one for one in COMMANDS if one.page == command.page and command.written.startswith(one.begins)), None)


def is_run(command: Command) -> bool:
    """Whether the scene of its page runs it."""
    return _fate(command) == "run"


def fates() -> Counter[str]:
    """How many commands are run, only looked up, excused with a test that runs them, and excused without."""
    return Counter(_fate(one) for told in TOLD.values() for one in told if isinstance(one, Command))


def _fate(command: Command) -> str:
    if (command.words or ("",))[0].rpartition("/")[2] in _LOOKED_UP:
        return "looked up"
    excuse = excuse_for(command)
    if excuse is None:
        return "run"
    return "tested elsewhere" if excuse.test else "no command of ours"
