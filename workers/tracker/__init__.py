"""The tracker: hands jobs of a campaign to volunteers who need not be trusted, and decides what of theirs is believed.

Layers, downwards: web and legacy (HTTP), checking (the screening host), pages; moves (transactions); trust
(arithmetic); store (two databases); states.
"""
