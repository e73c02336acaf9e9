"""One row of a shard or a raw shard: whether what it says fits together, and to the recipe."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from crawler.picture.encode import extension_of
from crawler.records import Header
from crawler.statuses import SUCCESS, status_of
from workers.tracker.checking.inside.files import HEX
from workers.tracker.checking.inside.reports import stage_of
from workers.tracker.checking.inside.wrong import insist
from workers.tracker.checking.orders import Look, Threshold

#: what is known of a row from each stage on
_FETCHED = ("final_url", "content_type", "body_bytes", "fetched_at", "header_opt_outs")
_HASHED = ("sha256", "md5", "sha1", "phash", "pdq", "pdq_quality")
_HEADED = ("original_width", "original_height", "format", "frames", "made_by")
_DIGITS = {"sha256": 64, "md5": 32, "sha1": 40, "phash": 16, "pdq": 64}
_CODE = re.compile(r"HTTP Error ([1-5][0-9]{2})(?:: [A-Za-z '-]+)?")
_NOT_FETCHED = ("filter candidates", "fetch")
_NOT_DECODED = (*_NOT_FETCHED, "filter bodies", "decode")
_MOST_TEXTS = 1_000
#: the column of clip_similarity; vectors of length one in float32 may come to a little more than one
_COSINE = "similarity"
_LARGEST_COSINE = 1.0001


class RowRules:
    """What holds of every row of one job; `columns` are those of its table, name and kind."""

    def __init__(self, look: Look, columns: tuple[tuple[str, str], ...]) -> None:
        self._look = look
        self._judges = look.judges
        self._columns = columns
        self._scores = [name for name, kind in (*look.judges.picture_columns, *look.judges.embedding_columns)
                        if kind == "float"]  # fmt: skip
        self._of_fetch = look.kind == "fetch"

    def check(self, row: Mapping[str, Any], where: str) -> str:
        """Check one row; returns the stage at which it ended, "" for one that is kept.

        Raises:
            WrongError: it is not as our own code writes it.
        """
        self._check_values(row, where)
        reason = row["reason"]
        if reason is None:
            stage = ""
            insist(row["status"] == SUCCESS and row["error_message"] is None, f"{where}: kept, and failed")
            self._check_kept(row, where)
        else:
            stage = stage_of(reason, self._judges) or ""
            insist(bool(stage) and reason not in self._judges.withheld, f"{where}: there is no reason {reason!r}")
            _check_status(row, reason, where)
            insist(row["width"] is None and row["height"] is None, f"{where}: rejected, with a picture's size")
        self._check_facts(row, stage, where)
        for threshold in self._judges.thresholds:
            self._check_threshold(row, threshold, stage, where)
        return stage

    def extension(self, row: Mapping[str, Any]) -> str:
        """Of the picture of a kept row."""
        return extension_of(Header(0, 0, str(row["format"]), 1), self._look.recipe.output)

    def _check_values(self, row: Mapping[str, Any], where: str) -> None:
        most = self._look.bound.text_bytes
        for name, kind in self._columns:
            value = row.get(name)
            if value is None:
                continue
            if kind == "string":
                insist(len(value) <= most, f"{where}: {name} of {len(value)} characters")
            elif kind == "float":
                insist(math.isfinite(value), f"{where}: {name} is no number")
            elif kind in ("int32", "int64"):
                insist(value >= (-1 if name == "offset" else 0), f"{where}: {name} is {value}")
            elif kind == "strings":
                insist(len(value) <= _MOST_TEXTS, f"{where}: {name} has {len(value)} texts")
                insist(all(one is not None and len(one) <= most for one in value), f"{where}: {name} is no texts")
        for name, digits in _DIGITS.items():
            value = row[name]
            insist(value is None or HEX[digits].fullmatch(value) is not None, f"{where}: {name} is no hash")
        cosine = row.get(_COSINE)
        insist(cosine is None or abs(cosine) <= _LARGEST_COSINE, f"{where}: {_COSINE} is {cosine}")
        insist(row["exif"] is None, f"{where}: has EXIF, which we never write")

    def _check_kept(self, row: Mapping[str, Any], where: str) -> None:
        insist((row["width"] or 0) > 0 and (row["height"] or 0) > 0, f"{where}: kept without a size")
        for threshold in self._judges.thresholds:
            if not (self._of_fetch and threshold.filter in self._judges.embeddings):
                insist(row[threshold.column] is not None, f"{where}: kept without {threshold.column}")

    def _check_facts(self, row: Mapping[str, Any], stage: str, where: str) -> None:
        """Each stage adds what it learns, whatever becomes of the row."""
        fetched, decoded = stage not in _NOT_FETCHED, stage not in _NOT_DECODED
        for names, known in ((_FETCHED, fetched), ((*_HASHED, *_HEADED), decoded)):
            for name in names:
                if name == "header_opt_outs" and not known:
                    continue  # what was heard before it ended
                insist((row[name] is not None) == known, f"{where}: {name} does not go with how it ended")
        recipe = self._look.recipe
        if fetched:
            insist(0 < row["body_bytes"] <= recipe.fetch.body_bytes, f"{where}: a body of {row['body_bytes']} bytes")
            insist(row["final_url"].startswith(("http://", "https://")), f"{where}: came from no address")
        if decoded:
            width, height, limits = row["original_width"], row["original_height"], recipe.decode
            insist(0 < width * height <= limits.pixels, f"{where}: {width} x {height} pixels")
            insist(max(width, height) <= limits.side_pixels, f"{where}: {width} x {height} pixels")
            insist(row["format"] in limits.formats, f"{where}: a picture of the form {row['format']!r}")
            insist(row["frames"] in (1, 2) and row["pdq_quality"] <= 100, f"{where}: impossible numbers")
        else:
            insist(all(row.get(name) is None for name in self._scores), f"{where}: scores without a picture")

    def _check_threshold(self, row: Mapping[str, Any], threshold: Threshold, stage: str, where: str) -> None:
        """A score stands on the side of the threshold that its row's end says."""
        score = row.get(threshold.column)
        if score is None:
            return
        least = _least(row, threshold)
        inside = (least is None or score >= least) and (threshold.most is None or score <= threshold.most)
        if row["reason"] == threshold.filter:
            insist(not (inside and threshold.exact), f"{where}: rejected with {threshold.column} {score}")
        elif stage in ("", "placeholders", "duplicates"):
            insist(inside, f"{where}: kept with {threshold.column} {score}")


def _least(row: Mapping[str, Any], threshold: Threshold) -> float | None:
    told = (row["caption_language_confidence"] or 0.0) >= threshold.min_confidence
    return threshold.routes.get(row["caption_language"] or "", threshold.least) if told else threshold.least


def _check_status(row: Mapping[str, Any], reason: str, where: str) -> None:
    message = row["error_message"] or ""
    code = _CODE.fullmatch(message)
    wanted = status_of(reason, code[1] if code else "")
    insist((row["status"], message) == wanted, f"{where}: {message!r} is not how we say {reason!r}")
