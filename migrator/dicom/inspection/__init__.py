"""A second look at a file, for what is wrong with it."""
