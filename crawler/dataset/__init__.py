"""Versions of a data set: content-addressed files, signed manifests with Merkle roots, and what may be taken out again.

    objects/ab/SHA256        every file, by the SHA-256 of its bytes: tars, tables, indexes, leaves, salts, shard lists
    commits/ID.json          a signed manifest; ID is the SHA-256 of its canonical text
    refs/heads/NAME          which commit a line of versions has come to; set by compare-and-swap
    refs/tags/NAME           a name for one commit, never moved
    redactions/SHA256.json   what stands in for an object of which rows were purged

Nothing but refs is ever written twice, and nothing but a purge removes an object (docs/versions.md).
"""
