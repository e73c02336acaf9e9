"""A volunteer: `pairtrawl work URL`."""
