"""The command under test, for every test here."""

from tests.migrate.running import migrate

__all__ = ["migrate"]
