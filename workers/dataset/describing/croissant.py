"""`croissant.json`: what the version is, in the words of Croissant 1.1 (MLCommons), which search engines read.

Shards are listed by one file and matched by patterns: a description with an object for each of 2,000 files takes
mlcroissant six seconds to load, and a version may have half a million.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from crawler.dataset.manifest import Stored
from workers.dataset.describing.hub_layout import SHARD_LIST, Layout
from workers.dataset.describing.statistics import Statistics

_SPEC = "http://mlcommons.org/croissant/1.1"
#: the JSON-LD context of the specification
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_KINDS = (("string", "sc:Text"), ("large_string", "sc:Text"), ("bool", "sc:Boolean"), ("int", "sc:Integer"),
          ("uint", "sc:Integer"), ("float", "sc:Float"), ("double", "sc:Float"))  # fmt: skip


def croissant(statistics: Statistics, summary: str, shard_list: Stored, layout: Layout) -> bytes:
    """The description, as JSON. Pure: the same version gives the same bytes.

    Args:
        statistics: of the version.
        summary: a sentence or two about it.
        shard_list: the object `shards.jsonl`.
        layout: how the files lie.
    """
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _SPEC,
        "name": statistics.dataset,
        "description": summary,
        # of each picture, as its page declares it, where it does: there is none of the whole
        "license": "https://schema.org/CreativeWork",
        "url": f"urn:sha256:{statistics.root or shard_list.sha256}",
        "version": f"1.0.0+{(statistics.root or shard_list.sha256)[:12]}",
        "keywords": ["image-text pairs", "webdataset", "pairtrawl"],
        "distribution": _distribution(shard_list, layout),
        "recordSet": [_pairs(statistics), _shards()],
        **_responsible(statistics),
    }
    if statistics.fetched is not None:
        described["datePublished"] = statistics.fetched[1]  # of the data: the day on which the last picture was fetched
    return msgspec.json.format(msgspec.json.encode(described), indent=1) + b"\n"


def _distribution(shard_list: Stored, layout: Layout) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": SHARD_LIST,
            "name": SHARD_LIST,
            "description": "A line for each shard: its name, rows, samples, and SHA-256 and size of its files.",
            "contentUrl": SHARD_LIST,
            "contentSize": f"{shard_list.bytes} B",
            "encodingFormat": "application/jsonlines",
            "sha256": shard_list.sha256,
        },
        {
            "@type": "cr:FileSet",
            "@id": "tables",
            "name": "tables",
            "description": "The tables of the shards: a row for each candidate, kept or rejected.",
            "encodingFormat": "application/x-parquet",  # mlcroissant does not know the registered name
            "includes": layout.tables,
        },
        {
            "@type": "cr:FileSet",
            "@id": "pictures",
            "name": "pictures",
            "description": "The kept pairs, in webdataset's form: KEY.jpg, KEY.json, KEY.txt.",
            "encodingFormat": "application/x-tar",
            "includes": layout.tars,
        },
    ]


def _pairs(statistics: Statistics) -> dict[str, Any]:
    fields = [_field(name, kind) for name, kind in statistics.columns.items()]
    described = {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": "A row for each candidate; the picture of a row whose status is success is in the tar.",
        "field": [field for field in fields if field is not None],
    }
    return described | ({"key": {"@id": "rows/key"}} if "key" in statistics.columns else {})


def _field(name: str, kind: str) -> dict[str, Any] | None:
    """A column; None for one that holds structures, which readers of Croissant cannot take out of a table."""
    listed = re.fullmatch(r"(?:large_)?list<\w+: (.*)>", kind)
    inner = listed[1] if listed else kind
    found = next((theirs for ours, theirs in _KINDS if inner.startswith(ours)), None)
    if found is None:
        return None
    described = {
        "@type": "cr:Field",
        "@id": f"rows/{name}",
        "name": name,
        "dataType": found,
        "source": {"fileSet": {"@id": "tables"}, "extract": {"column": name}},
    }
    return described | ({"isArray": True, "arrayShape": "-1"} if listed else {})


def _shards() -> dict[str, Any]:
    fields = (("name", "sc:Text"), ("rows", "sc:Integer"), ("samples", "sc:Integer"))
    return {
        "@type": "cr:RecordSet",
        "@id": "shards",
        "name": "shards",
        "description": "The shards of the version.",
        "key": {"@id": "shards/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"shards/{name}",
                "name": name,
                "dataType": kind,
                "source": {"fileObject": {"@id": SHARD_LIST}, "extract": {"column": name}},
            }
            for name, kind in fields
        ],
    }


def _responsible(statistics: Statistics) -> dict[str, Any]:
    """What the vocabulary for responsible AI asks, as far as it follows from how the data came to be."""
    told: dict[str, Any] = {
        "rai:dataCollection": "Images and texts that web pages, or a published list of addresses, put together; "
        "fetched from their own servers with respect for robots.txt and for reservations in headers and pages, unless "
        "the recipe says otherwise.",
        "rai:dataCollectionType": ["Web Scraping"],
        "rai:dataLimitations": "Texts were not written as descriptions. Scores are those of models, with their errors. "
        "The web has changed since; addresses may be dead or serve something else.",
        "rai:dataBiases": "What is on the web, in which languages, and what filters and their models prefer; the "
        "statistics name languages, sites and scores.",
        "rai:personalSensitiveInformation": "Pictures may show people. E-mail addresses, telephone numbers and the "
        "like in texts are masked where the recipe asks for it; EXIF is not kept.",
        "rai:dataReleaseMaintenancePlan": "Rows are removed on request. A removal is a new version; published diffs "
        "bury real removals among neutral ones, and copies are brought up to date with `pairtrawl dataset apply`.",
    }
    if statistics.fetched is not None:
        told["rai:dataCollectionTimeFrame"] = list(statistics.fetched)
    return told
