"""Filters of the bytes as received, before any decoder sees them."""
