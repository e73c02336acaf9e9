"""Reports to make pages of: a small whole one, and the same with strangers' words in every place that has words."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from workers.report.drawn.contact import Sheet, Tile

HOSTILE = (
    "</title></style></script></code>\"'><script>window.evil=1</script><img src=x onerror=window.evil=1>"
    "&lt;b&#x3c;<!--\x00\x1b\ud800\u202e\u2066\u2028"
)


def a_report(**changes: Any) -> dict[str, Any]:
    report: dict[str, Any] = {
        "kind": "run",
        "name": "boats",
        "description": "boats on lakes",
        "recipe_digest": "0123456789abcdef" * 2,
        "version": "0.1.0",
        "stages": [
            {"stage": "read", "found": 9_120, "kept": 3_040, "rejected": {"not_a_response": 6_080}},
            {"stage": "extract", "found": 20_011, "kept": 15_142, "rejected": {"no_text": 4_869}},
            {"stage": "candidates", "found": 15_142, "kept": 15_000, "rejected": {"text_length": 142}},
            {"stage": "plan", "found": 15_000, "kept": 12_137, "rejected": {"duplicate": 2_863}},
            {"stage": "fetch", "found": 12_137, "kept": 12_000, "rejected": {"http_gone": 100, "timeout": 37}},
            {"stage": "filter pictures", "found": 12_000, "kept": 6_894, "rejected": {"clip_similarity": 5_106}},
        ],
        "archives": {"complete": 6, "incomplete": [], "unread": 0},
        "totals": {"archives": 6, "records": 9_120, "pages": 3_040, "images": 20_011, "candidates": 15_142,
                   "kept": 6_894, "bytes_received": 76_543_210},
        "reasons": {"clip_similarity": 5_106, "duplicate": 2_863, "text_length": 142, "http_gone": 100, "timeout": 37},
        "top_hosts": [{"host": "images.test", "found": 7_001, "kept": 4_003}],
        "host_sizes": {"1 row": {"hosts": 123, "rows": 123, "kept": 50}, "2 to 9": {"hosts": 61, "rows": 333, "kept": 111}},
        "languages": {"en": 4_444, "": 2_450},
        "caption_languages": {"en": 5_111, "fi": 1_783},
        "licences": {"https://creativecommons.org/licenses/by/4.0/": 222, "": 6_672},
        "formats": {"JPEG": 6_000, "PNG": 894},
        "text_sources": {"alt": 6_001, "figcaption": 893},
        "opt_outs": [{"signal": "x-robots-tag: noai", "found": 321, "kept": 12}],
        "repeated_files": [{"sha256": "ab" * 32, "addresses": 77, "captions": 66, "kept": 5,
                            "example": "http://images.test/missing.png"}],
        "speeds": {"seconds": 61.5, "pairs_per_second": 197.3},
        "filters": [
            {"name": "text_length", "use": "candidates.text_length", "column": "", "lines": [], "judged": 15_142,
             "rejected": 142, "seconds": 0.4, "cpu_seconds": 0.4},
            {"name": "clip_similarity", "use": "pictures.clip_similarity", "column": "similarity", "judged": 12_000,
             "lines": [{"at": 0.28, "keeps": "from", "label": ""}], "rejected": 5_106, "seconds": 88.5,
             "cpu_seconds": 171.0},
            {"name": "min_side", "use": "pictures.min_side", "column": "", "judged": 0, "rejected": 0,
             "lines": [{"column": "shorter side", "at": 64, "keeps": "from", "label": ""}]},
        ],
        "scores": {"similarity": {"edges": [0, 0.25, 0.5, 1], "kept": [0, 2_345, 4_549], "rejected": [5_106, 0, 0],
                                  "models": ["pairtrawl-tiny"],
                                  "curve": {"thresholds": [0, 0.28, 1], "kept": [12_000, 6_900, 0]}}},
        "sizes": {"shorter side": {"edges": [0, 64, 256, 1024, 8192], "kept": [0, 900, 5_000, 994],
                                   "rejected": [9, 100, 4_000, 997]}},
        "timeline": {"began": "2026-11-22T10:00:00+00:00", "seconds": 10, "rows": [500, 0, 700], "kept": [300, 0, 350],
                     "bytes": [5_000_000, 0, 6_100_000],
                     "pauses": [{"began": "2026-11-22T10:00:10Z", "seconds": 10, "why": "interrupted"}]},
        "limits": [
            {"stage": "read", "what": "", "records": 9_120, "seconds": 3.5, "cpu_seconds": 3.4},
            {"stage": "fetch", "what": "", "records": 12_137, "seconds": 41.0, "cpu_seconds": 9.0},
            {"stage": "filter pictures", "what": "pictures.clip_similarity", "records": 12_000, "seconds": 17.5,
             "cpu_seconds": 33.1},
        ],
        "history": [
            {"id": "b" * 64, "names": ["main", "v2"], "at": "2026-11-22T10:00:00+00:00", "message": "cut",
             "rows": 6_894, "added": 0, "removed": 12},
            {"id": "a" * 64, "names": ["v1"], "at": "2026-11-21T10:00:00+00:00", "message": "first", "rows": 6_906},
        ],
        "peak_memory_bytes": {"worker": 312_000_000},
    }  # fmt: skip
    return report | changes


def a_jpeg(colour: tuple[int, int, int] = (90, 130, 160)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (96, 72), colour).save(out, format="JPEG")
    return out.getvalue()


def some_sheets(caption: str = "a boat", host: str = "images.test", reason: str = "clip_similarity") -> list[Sheet]:
    kept = Tile(a_jpeg(), caption, 0.31, "", host)
    near = Tile(a_jpeg((200, 90, 40)), caption, 0.281, "", host, blurred=True)
    lost = Tile(a_jpeg((20, 20, 20)), caption, 0.1, reason, host, note=caption)
    name = "pictures.clip_similarity"
    return [
        Sheet(name, "kept", (kept, kept), 6_894, score="similarity"),
        Sheet(name, "borderline", (near, lost), 40, score="similarity"),
        Sheet(name, "rejected", (lost,), 1, chosen=caption),
        Sheet(reason, caption, (), 0),
    ]


def some_rows(caption: str = "a boat", host: str = "images.test", reason: str = "min_side") -> dict[str, Any]:
    return {
        "rows": [
            [caption, host, 1, "", 0.31],
            ["Ein Gruß aus Österreich", "bilder.test", 1, "", 0.4],
            ["قارب على البحيرة", "صور.test", 0, reason, None],
            ["ＦＵＬＬ width boat", "images.test", 0, "min_side", 0.1],
        ],
        "of": 12_137,
    }


def hostile_report(text: str) -> dict[str, Any]:
    spread = {"edges": [0, 1], "kept": [1], "rejected": [1], "models": [text], "lines": [{"at": 0.5, "label": text}]}
    cost = {"judged": 3, "rejected": 1, "seconds": 1.0}
    return a_report(
        kind="run", name=text, description=text, recipe_digest=text, version=text,
        stages=[{"stage": text, "found": 3, "kept": 1, "rejected": {text: 2}}],
        archives={"complete": 0, "incomplete": [{"name": text, "detail": text}]},
        top_hosts=[{"host": text, "found": 3, "kept": 1}], host_sizes={text: {"hosts": 1, "rows": 2, "kept": 1}},
        languages={text: 1}, text_sources={text: 1}, caption_languages={text: 1}, licences={text: 1}, formats={text: 1},
        opt_outs=[{"signal": text, "found": 3, "kept": 1}],
        repeated_files=[{"sha256": text, "addresses": 3, "captions": 3, "kept": 1, "example": text}],
        speeds={text: 1.5}, peak_memory_bytes={text: 5}, scores={text: spread}, sizes={text: spread},
        filters=[{"name": text, "use": text, "column": text, **cost}],
        limits=[{"stage": text, "what": "", "records": 3, "seconds": 1.0}, {"stage": text, "what": text, "seconds": 1.0}],
        timeline={"began": text, "seconds": 1, "rows": [3], "kept": [1], "bytes": [7],
                  "pauses": [{"began": text, "seconds": 1, "why": text}]}, outcomes={text: 1},
        history=[{"id": text, "names": [text], "at": text, "message": text, "rows": 1}],
    )  # fmt: skip
