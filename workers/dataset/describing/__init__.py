"""What a version says of itself: statistics, card, Croissant, indexes for loaders."""
