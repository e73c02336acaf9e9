"""Versions beside each other: differences, merging, parts, proofs."""
