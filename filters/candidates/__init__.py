"""Filters of links and their captions, before any network traffic."""
