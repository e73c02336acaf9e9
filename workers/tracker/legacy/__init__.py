"""The HTTP API of the original Crawling@Home tracker, so that its client library still works (docs/legacy-api.md).

What those clients hand in has no digest, no signature and no upload that we could look at. It is kept as a note, apart
from everything that is believed: it closes no job of ours, counts for nobody, and no other client ever sees it.
"""
