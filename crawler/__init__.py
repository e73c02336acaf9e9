"""The core: read, extract, plan, fetch, decode and write. Nothing here knows where it runs."""
