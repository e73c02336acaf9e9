"""A campaign in a box: see `__main__`."""
