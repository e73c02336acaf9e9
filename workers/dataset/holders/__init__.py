"""Copies in other hands: the diff that is published, and what brings a copy up to date."""
