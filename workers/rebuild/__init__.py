"""A published list in, shards out: what `pairtrawl rebuild` and `pairtrawl retry` do, and img2dataset's Python call."""

from workers.rebuild.download import download

__all__ = ["download"]
