"""A sample judged by people: which pairs are asked about, what was said of them, and what follows for the whole.

Downwards: `asking` (the page), `report` (what follows), `sampling` (which pairs, out of which place), `judged` and
`journal` (what is on the disk), and plain arithmetic in `intervals` and `agreement`.
"""
