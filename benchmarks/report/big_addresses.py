"""Where made-up pictures and their pages stand: a few large hosts, and very many small ones."""

from __future__ import annotations

import numpy as np

from benchmarks.report.big_columns import Column, arrow, drawn, hex_digits, one_each, pair_lists, pc, some_lists

_LICENCES = ("", "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/licenses/by-sa/4.0/",
             "https://creativecommons.org/licenses/by-nc-nd/4.0/", "https://creativecommons.org/publicdomain/zero/1.0/")  # fmt: skip
_SITE_WORDS = ("photo", "shop", "news", "garden", "travel", "wiki", "museum", "blog", "recipes", "cars", "art", "homes")
_ENDINGS = (".com", ".org", ".net", ".de", ".ru", ".fr", ".co.uk", ".jp", ".com.br", ".info")


def addresses(rng: np.random.Generator, length: int, number: int, of: int) -> dict[str, Column]:
    """Where pictures and pages stand; rows of a host fall as a power of its rank (Zipf, exponent 1)."""
    ranks = (max(100, of // 4) ** rng.random(length)).astype(np.int64)
    words, endings = one_each(_SITE_WORDS, ranks % len(_SITE_WORDS)), one_each(_ENDINGS, ranks % 7 % len(_ENDINGS))
    rank = arrow.array(ranks).cast(arrow.string())
    host = pc.binary_join_element_wise(words, rank, endings, "")
    picture = arrow.array(rng.integers(2**48, size=length)).cast(arrow.string())
    url = pc.binary_join_element_wise("https://img.", host, "/pictures/", picture, ".jpg", "")
    return {
        "url": url,
        "final_url": url,
        "page_url": pc.binary_join_element_wise("https://www.", host, "/page/", rank, "", ""),
        "archive": one_each([f"CC-MAIN-20260112-{number:05d}.warc.gz"], np.zeros(length, dtype=np.int64)),
        "offset": arrow.array(np.sort(rng.integers(10**9, size=length))),
        "position": arrow.array(rng.geometric(0.15, length) - 1),
        "content_id": hex_digits(rng, length, 16),
        "caption_source": drawn(rng, {"alt": 88, "figcaption": 7, "title": 5}, length),
        "image_source": drawn(rng, {"img_src": 70, "srcset": 18, "lazy": 10, "og_image": 2}, length),
        "licence": drawn(rng, dict(zip(_LICENCES, (960, 12, 14, 8, 6), strict=True)), length),
        "other_captions": pair_lists(rng, length, 0.1),
        "page_opt_outs": some_lists(
            rng, {"meta robots: noai": 2, "x-robots-tag: noai": 1, "meta tdm-reservation: 1": 1}, length, 0.02
        ),
    }
