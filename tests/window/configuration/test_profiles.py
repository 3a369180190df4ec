"""The bar of profiles: saved, loaded, replaced, deleted, imported and exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from migrator.core.model import Node
from migrator.core.settings import SendSettings, Settings, TlsSettings
from migrator.jobs.profile import Profile, Profiles, export_profiles, profile_of, read_profiles
from migrator.ui.configuration import Configuration, Destination
from migrator.ui.dialogs.profile import NameDialog
from migrator.ui.dialogs.profile_question import Question
from migrator.ui.pages.configuration.page import ConfigurationPage
from migrator.ui.pages.configuration.profiles import ProfileBar

CLINIC = Destination(host="10.0.0.7", port=11112, ae_title="CLINIC", tls=TlsSettings(ca="/ca.pem"))


@pytest.fixture
def bar(page: ConfigurationPage) -> ProfileBar:
    return page.profiles


def profile(name: str, host: str = "10.0.0.9", **settings: object) -> Profile:
    return profile_of(name, Node(host), Settings.model_validate(settings))


def have(qtbot: QtBot, bar: ProfileBar, *profiles: Profile) -> Profiles:
    """Save these as another process would, and have the bar see them."""
    store = Profiles(bar._desk.home)
    store.add(profiles, replaces=True)
    bar.refresh()
    qtbot.waitUntil(lambda: all(bar.combo.findData(one.name) >= 0 for one in profiles))
    return store


def choose(bar: ProfileBar, name: str) -> None:
    bar.combo.setCurrentIndex(bar.combo.findData(name))


def name_it(qtbot: QtBot, bar: ProfileBar, name: str) -> NameDialog:
    """Write a name into the dialog that is open."""
    qtbot.waitUntil(lambda: bool(bar.findChildren(NameDialog)))
    dialog = bar.findChildren(NameDialog)[-1]
    dialog.line.setText(name)
    return dialog


def answer(qtbot: QtBot, words: str) -> str:
    """Press a button of the question that is asked; its text."""
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), Question))
    question = QApplication.activeModalWidget()
    assert isinstance(question, Question)
    question.buttons[words].click()
    return question.text


def test_a_profile_is_saved_with_what_is_not_at_its_default_and_loaded_again(
    qtbot: QtBot, page: ConfigurationPage, bar: ProfileBar
) -> None:
    desk = page.desk
    desk.change(Configuration(destinations=(CLINIC,), settings=Settings(send=SendSettings(workers=8))))
    bar.save.click()
    dialog = name_it(qtbot, bar, "clinic")
    dialog.save.click()
    qtbot.waitUntil(lambda: bar.words.text() == "Saved as clinic")
    assert page.destination.destination.name == "clinic"
    (saved,) = Profiles(desk.home).all()
    assert saved.settings.model_dump(exclude_unset=True)["send"] == {"workers": 8}
    before = Configuration(destinations=(Destination(host="other"),))
    desk.change(before)
    choose(bar, "clinic")
    bar.load_it.click()
    (loaded,) = desk.configuration.destinations
    assert loaded == CLINIC.model_copy(update={"name": "clinic"})
    assert desk.configuration.settings.send.workers == 8
    assert bar.words.text().startswith("Loaded clinic")
    bar.undo.click()
    assert desk.configuration == before


def test_a_change_since_it_was_saved_is_told_and_saved_under_the_same_name(
    qtbot: QtBot, page: ConfigurationPage, bar: ProfileBar
) -> None:
    store = have(qtbot, bar, profile("clinic"))
    choose(bar, "clinic")
    bar.load_it.click()
    qtbot.keyClicks(page.destination.form.fields["ae_title"].line, "2")
    assert bar.words.text() == "Changed since it was saved"
    bar.save.click()
    qtbot.waitUntil(lambda: bar.words.text() == "Saved as clinic")
    assert store.get("clinic").ae_title == "ANY-SCP2"


def test_the_dialog_refuses_a_bad_name_and_tells_before_one_is_replaced(
    qtbot: QtBot, page: ConfigurationPage, bar: ProfileBar
) -> None:
    store = have(qtbot, bar, profile("clinic"))
    page.desk.update(destinations=(CLINIC,))
    bar.save.click()
    dialog = name_it(qtbot, bar, "no name!")
    assert not dialog.save.isEnabled()
    assert "letters, digits" in dialog.words.text()
    dialog.line.setText("clinic")
    assert dialog.save.text() == "Replace"
    assert "will be replaced" in dialog.words.text()
    dialog.save.click()
    qtbot.waitUntil(lambda: store.get("clinic").ae_title == "CLINIC")


def test_nothing_is_saved_without_a_host_or_with_a_wrong_field(
    qtbot: QtBot, page: ConfigurationPage, bar: ProfileBar
) -> None:
    for field, wrong in (("host", Destination()), ("port", CLINIC.model_copy(update={"port": 0}))):
        page.desk.update(destinations=(wrong,))
        bar.save.click()
        assert "fill in its fields" in bar.words.text()
        assert page.destination.form.fields[field].line.hasFocus()
    assert Profiles(page.desk.home).all() == ()


def test_a_profile_is_deleted_only_after_a_question(
    qtbot: QtBot, page: ConfigurationPage, bar: ProfileBar
) -> None:
    store = have(qtbot, bar, profile("clinic"), profile("other"))
    choose(bar, "clinic")
    bar._ask_to_delete()
    answer(qtbot, "Cancel")
    assert len(store.all()) == 2
    bar._ask_to_delete()
    assert "clinic" in answer(qtbot, "Delete")
    qtbot.waitUntil(lambda: bar.words.text() == "Deleted clinic")
    assert [one.name for one in store.all()] == ["other"]


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ("Replace", {"clinic": "new", "more": "new"}),
        ("Import the others only", {"clinic": "old", "more": "new"}),
    ],
)
def test_an_import_asks_about_names_that_are_taken(
    qtbot: QtBot,
    bar: ProfileBar,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    hosts: dict[str, str],
) -> None:
    store = have(qtbot, bar, profile("clinic", "old"))
    file = tmp_path / "profiles.json"
    export_profiles(file, [profile("clinic", "new"), profile("more", "new")])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(file), ""))
    bar._import()
    assert "clinic" in answer(qtbot, words)
    qtbot.waitUntil(lambda: bar.words.text().startswith("Imported"))
    assert {one.name: one.host for one in store.all()} == hosts


def test_a_file_without_profiles_says_so_and_an_export_is_read_again(
    qtbot: QtBot, bar: ProfileBar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(qtbot, bar, profile("clinic"))
    file = tmp_path / "out.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: (str(file), ""))
    bar._export()
    qtbot.waitUntil(lambda: bar.words.text() == "Exported 1 profile")
    assert [one.name for one in read_profiles(file)] == ["clinic"]
    file.write_text("[]")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(file), ""))
    bar._import()
    qtbot.waitUntil(lambda: "does not hold profiles" in bar.words.text())


def test_profiles_that_cannot_be_read_are_told_of(qtbot: QtBot, bar: ProfileBar) -> None:
    (bar._desk.home / "profiles.json").write_text("{")
    bar.refresh()
    qtbot.waitUntil(lambda: "does not hold profiles" in bar.words.text())


def test_what_was_read_first_and_comes_last_does_not_replace_the_newer(
    qtbot: QtBot, bar: ProfileBar, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(qtbot, bar, profile("OLD"))
    takes: list[Callable[[object], None]] = []
    monkeypatch.setattr(bar._desk, "later", lambda work, take: takes.append(take))
    bar.refresh()
    bar.refresh()
    takes[1]((profile("OLD"), profile("NEW")))
    takes[0]((profile("OLD"),))
    assert bar.combo.findData("NEW") >= 0
