"""The page File Browser."""
