"""`pairtrawl live`: a page about a run while it goes, made of what stands in its folder, whoever works on it.

`watching` reads the folder, `page` and `metrics` are pure functions of what it saw, `serving` shows them.
"""
