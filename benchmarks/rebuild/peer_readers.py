"""What other people's readers find in shards, told as JSON; run in the peer's environment, which has none of our code.

    PEER/bin/python benchmarks/rebuild/peer_readers.py READER FILE...

tfrecord: TensorFlow's own reader, with its checksums: the features of each example by name, their kind and values.
webdataset: the webdataset of img2dataset's own environment. pandas: the table, as most people open it.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from typing import Any


def tfrecord(files: list[str]) -> list[dict[str, Any]]:
    """Examples, feature by feature; bytes in base64."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf  # type: ignore[import-not-found] # the peer's

    found = []
    for record in tf.data.TFRecordDataset(files):
        example = tf.train.Example.FromString(record.numpy())
        told = {}
        for name, feature in example.features.feature.items():
            kind = feature.WhichOneof("kind")
            values = list(getattr(feature, kind).value) if kind else []
            told[name] = [kind, [base64.b64encode(one).decode() if isinstance(one, bytes) else one for one in values]]
        found.append(told)
    return found


def webdataset(files: list[str]) -> list[dict[str, Any]]:
    """Samples: key, members, size of the picture by OpenCV, caption."""
    import cv2  # type: ignore[import-not-found] # the peer's
    import numpy as np
    import webdataset as wds

    found = []
    for sample in wds.WebDataset(files, shardshuffle=False):
        height, width = cv2.imdecode(np.frombuffer(sample["jpg"], np.uint8), cv2.IMREAD_COLOR).shape[:2]
        found.append({
            "key": sample["__key__"], "members": sorted(name for name in sample if not name.startswith("__")),
            "size": [width, height], "txt": sample["txt"].decode(), "json": json.loads(sample["json"]),
        })  # fmt: skip
    return found


def pandas(files: list[str]) -> list[dict[str, Any]]:
    """Rows of tables: what most scripts for img2dataset's output begin with."""
    import pandas as pd

    frame = pd.concat([pd.read_parquet(file) for file in files])
    kept = frame[frame.status == "success"]
    return [
        {"columns": list(frame.columns), "rows": len(frame), "success": len(kept), "keys": sorted(kept.key),
         "mean_width": float(kept.width.mean())}
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps({"tfrecord": tfrecord, "webdataset": webdataset, "pandas": pandas}[sys.argv[1]](sys.argv[2:])))
