"""What has to go: finding it, cutting it out, publishing what is left, purging it."""
