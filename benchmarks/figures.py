"""What the proofs share: figures that are checked where they are measured, and the table that comes last."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(slots=True)
class Figures:
    """What was measured, and whether it is what was promised."""

    rows: list[tuple[str, str, bool]] = field(default_factory=list)

    def add(self, what: str, value: str, *, good: bool) -> None:
        """One line of the table."""
        self.rows.append((what, value, good))
        print(f"{'ok  ' if good else 'FAIL'} {what}: {value}", flush=True)

    def prove(
        self,
        parts: Mapping[str, Callable[[], object]],
        only: str | None = None,
        *,
        told: tuple[type[Exception], ...] = (AssertionError,),
    ) -> None:
        """Run the parts of a proof, or `only` one, each with its load and its seconds.

        What a part ends with, of the kinds in `told`, is a figure that fails: the others follow.
        """
        for part, prove in parts.items():
            if only in {None, part}:
                started = time.monotonic()
                self.add(f"load of the machine when `{part}` began", f"{os.getloadavg()[0]:.1f}", good=True)
                try:
                    prove()
                except told as error:
                    self.add(part, str(error).strip()[-600:], good=False)
                self.add(f"seconds of `{part}`", f"{time.monotonic() - started:.0f}", good=True)

    @property
    def all_good(self) -> bool:
        """Whether everything is as promised."""
        return all(good for _, _, good in self.rows)

    def show(self, name: str, seconds: float) -> None:
        """Print the table."""
        table = Table(title=f"{name}: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
                      f"{seconds:.0f} s", title_justify="left")  # fmt: skip
        for heading in ("what", "measured", ""):
            table.add_column(heading)
        for what, value, good in self.rows:
            table.add_row(what, value, "ok" if good else "FAIL")
        Console(width=140).print(table)


def title(text: str) -> None:
    """Say what comes."""
    print(f"\n=== {text}", flush=True)
