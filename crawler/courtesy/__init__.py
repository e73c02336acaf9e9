"""How hosts are treated: whose turn it is, for how long a host is left alone, and what a run's processes share."""
