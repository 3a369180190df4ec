"""One frame of one object as people look at it, and its important attributes."""
