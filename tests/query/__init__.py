"""C-FIND and C-ECHO against peers that behave, and peers that do not."""
