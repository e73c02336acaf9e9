"""What a tracker and a volunteer say to each other: the one thing that both sides share."""
