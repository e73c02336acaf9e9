"""The last part of the chain: the pairs whose picture and text are similar enough, by clip-retrieval's vectors.

PEER/bin/python chain_similar.py VECTORS THRESHOLD
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

vectors = Path(sys.argv[1])
kept = []
for number, table in enumerate(sorted((vectors / "metadata").glob("*.parquet"))):
    images, texts = (np.load(vectors / kind / f"{kind}_{number}.npy") for kind in ("img_emb", "text_emb"))
    similar = np.einsum("ij,ij->i", images.astype(np.float32), texts.astype(np.float32))
    rows = pd.read_parquet(table).assign(similarity=similar)
    kept.append(rows[similar >= float(sys.argv[2])])
pd.concat(kept).to_parquet(vectors / "kept.parquet")
