"""From a folder to a version, and back: committing, verifying, checking out."""
