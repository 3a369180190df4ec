"""The settings of the monitor, the page that shows a run on a phone."""

from __future__ import annotations

from typing import Annotated

from migrator.core.settings_base import Group, setting


class MonitorSettings(Group):
    """How a run is watched from a phone or another computer."""

    monitor: Annotated[
        str,
        setting(
            "serve a page that shows the run: 8090 for this machine alone, 0.0.0.0:8090 for the network too",
            "[HOST:]PORT",
        ),
    ] = ""
    monitor_control: Annotated[bool, setting("let those who were paired pause, resume and cancel there")] = (
        False
    )
    monitor_details: Annotated[
        bool, setting("show paths and whole reasons there; they may name patients")
    ] = False
    monitor_tls: Annotated[
        bool, setting("serve it by TLS; without --monitor-cert, with a certificate made for it")
    ] = False
    monitor_cert: Annotated[
        str, setting("PEM file with the monitor's own certificate, and with its key", "FILE")
    ] = ""
    monitor_key: Annotated[str, setting("PEM file with its key, where that is another file", "FILE")] = ""
