"""The page Configuration."""
