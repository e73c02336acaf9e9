"""What a run says while it goes: one stream of events, and whoever listens (docs/progress.md).

`workers.progress.Display` is what verbs speak to; it makes the events, and gives each of them to every sink.
"""
