"""What a node should read from its own disk: weights of models, and the environment of Python itself.

A shared file system serves one large file to a thousand machines well, and thirty thousand small ones badly.
docs/decisions/0023-node-local.md has the figures.
"""
