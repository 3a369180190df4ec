"""From a bare Python to a running migrator: the private environment and the way into it.

Standard library only, and nothing else of ours: it runs before any package is there. What every start needs
is in `launch`, `layers`, `environment` and `locking`; the rest is imported when something must be installed.
"""

SETUP_FAILED = 6  # the exit code


class SetupError(Exception):
    """The environment cannot be made. The text tells people what is wrong and what helps."""
