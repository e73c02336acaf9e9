"""The report: what a run, a version or any tables of pairs hold, asked of their files and shown as one page."""
