"""Everything that changes the tracker's state: one plain function of a transaction for each thing that can happen."""
