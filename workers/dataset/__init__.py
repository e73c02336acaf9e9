"""What the verbs of `pairtrawl dataset` do."""
