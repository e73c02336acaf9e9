"""What owners of sites, pages and images say about their use, where it is found, and what of it refuses."""
