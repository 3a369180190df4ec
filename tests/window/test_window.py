"""The window as a whole."""

from __future__ import annotations

from migrator.ui.main_window import MainWindow


def test_every_page_is_reached_by_its_name(window: MainWindow) -> None:
    names = ["configuration", "browser", "upload", "verify", "dashboard", "log"]
    assert list(window.pages) == names
    for name in names:
        window.go(name)
        assert window.pages[name].isVisible()
