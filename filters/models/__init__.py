"""Models that filters use, and the one module that knows the library they come from."""
