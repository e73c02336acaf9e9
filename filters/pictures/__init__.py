"""Filters of decoded pictures."""
