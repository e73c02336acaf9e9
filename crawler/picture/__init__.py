"""From a body to pixels and back: formats, colours, decoding in processes of its own, encoding, hashes."""
