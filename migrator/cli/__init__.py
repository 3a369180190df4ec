"""The command line: one thin file per command; arguments become a job, its result an exit code."""
