"""Before and after a migration: what can be known, and what can be proved."""
