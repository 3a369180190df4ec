"""Table models over what the jobs have on disk."""
