"""The command under test and its source, for every test here."""

from tests.integrity.running import integrity, interrupted, source

__all__ = ["integrity", "interrupted", "source"]
