"""Windows of their own that a page opens."""
