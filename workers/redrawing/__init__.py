"""Other recipes on the candidates of finished runs: what they would have kept, without a second crawl or another score.

    places -> Frozen -> Ballot (each recipe's filters as columns of verdicts) -> signatures, counted by DuckDB -> cells

Every verdict is true, false, or cannot be told; what cannot be told is counted and never guessed.
"""
