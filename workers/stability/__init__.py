"""Stability audit: which verdicts of a recipe change when something changes that should not matter.

A picture that is saved again, or smaller by two per cent, shows what it showed; a caption in capitals says what it
said. Filters that look at them should say the same, but for what lies at their line. Downwards: `auditing`, `judging`,
`flips` (what came of it), `changes`, `pairs`.
"""
