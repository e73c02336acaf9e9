"""What pages and operators are shown, and what says whether the database is sound. Only `recount` changes anything."""

from __future__ import annotations

from workers.tracker.moves.operator_figures import operator
from workers.tracker.moves.overview import leaders, overview, rates
from workers.tracker.moves.sound import fsck, recount
from workers.tracker.moves.worker_figures import worker_page

__all__ = ["fsck", "leaders", "operator", "overview", "rates", "recount", "worker_page"]
