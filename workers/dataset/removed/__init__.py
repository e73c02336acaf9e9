"""What was removed, kept in private, so that it stays removed."""
