"""Which rows of a shard are exported: kept ones or all, and those that a condition holds for."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from crawler.errors import SettingsError
from workers.dataset.comparing.conditions import Condition, condition


@dataclass(frozen=True, slots=True)
class Choice:
    """The rows that are asked for. `where` is a condition over the columns (`comparing.conditions`), or ""."""

    kept_only: bool = True
    where: str = ""

    def condition(self, schema: pa.Schema) -> Condition | None:
        """The condition, of a table with these columns; None where there is none.

        Raises:
            SettingsError: it is none, or asks for a column that there is not.
        """
        if not self.where:
            return None
        understood = condition(self.where)
        if missing := [name for name in understood.columns if name not in schema.names]:
            raise SettingsError(f"{self.where}: no column {missing[0]}; there are {', '.join(schema.names)}")
        return understood
