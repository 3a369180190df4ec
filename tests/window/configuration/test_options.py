"""The panel of all settings."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from migrator.core.settings import PaceSettings, RecoverySettings, SendSettings, Settings
from migrator.ui.configuration import Configuration, load
from migrator.ui.desk import Desk
from migrator.ui.pages.configuration.options import OptionsPanel
from migrator.ui.widgets.basics import Fold, scrolled
from migrator.ui.widgets.fields import Field


def panel(qtbot: QtBot, desk: Desk) -> OptionsPanel:
    made = OptionsPanel(desk)
    qtbot.addWidget(made)
    return made


def field(options: OptionsPanel, name: str) -> Field:
    return next(
        form.fields[name] for forms in options.forms.values() for form in forms if name in form.fields
    )


def note(fold: Fold) -> str:
    texts = (one.text() for one in fold.findChildren(QLabel))
    return " ".join(text for text in texts if re.fullmatch(r"\d+ changed", text))


def test_every_setting_stands_once_in_the_panel_but_those_of_a_destination(qtbot: QtBot, desk: Desk) -> None:
    options = panel(qtbot, desk)
    shown = [name for forms in options.forms.values() for form in forms for name in form.fields]
    declared = [
        name
        for group in Settings.model_fields
        if group != "tls"
        for name in type(getattr(Settings(), group)).model_fields
    ]
    switches = ["verify", "resend_missing", "integrity", "resume_at_start", "minimise_to_tray", "chime"]
    assert sorted([*shown, "recovery"]) == sorted([*declared, *switches])


def test_what_is_changed_is_configured_at_once_and_kept(qtbot: QtBot, desk: Desk) -> None:
    options = panel(qtbot, desk)
    field(options, "workers").editor.show_value(9)
    field(options, "max_pdu").editor.show_value(4096)
    field(options, "verify").editor.show_value(False)
    field(options, "modality").editor.show_value(("CT",))
    settings = desk.configuration.settings
    assert settings.send == SendSettings(workers=9, max_pdu=4096)
    assert settings.filter.modality == ("CT",)
    assert not desk.configuration.verify
    desk.save()
    assert load(desk.home) == desk.configuration


def test_a_path_that_is_no_utf_8_can_be_kept(desk: Desk) -> None:
    # As a folder of another system's encoding is named, which a run may have been started for.
    desk.update(source="/archive/M\udcfcnster")
    desk.save()
    assert load(desk.home).source == "/archive/M\udcfcnster"


def test_each_fold_says_how_many_of_its_settings_differ_and_what_is_to_be_corrected(
    qtbot: QtBot, desk: Desk
) -> None:
    options = panel(qtbot, desk)
    assert not any(note(fold) for fold in options.folds.values())
    desk.update(settings=Settings(send=SendSettings(workers=9, retries=2, max_pdu=4096)), verify=False)
    assert note(options.folds["Transfer"]) == "3 changed"
    assert note(options.folds["Network"]) == "1 changed"
    assert not note(options.folds["Recovery"])
    field(options, "peak").editor.inner.setText("7")
    assert any(one.text() == "1 field to correct" for one in options.findChildren(QLabel))
    assert list(options.errors) == ["peak"]
    options.rules.editor.setPlainText("nonsense\nStationName delete\nmore")
    qtbot.waitUntil(lambda: any(one.text() == "2 lines to correct" for one in heads(options)))


def heads(options: OptionsPanel) -> list[QLabel]:
    """What stands beside the folds' titles."""
    return [
        one
        for one in options.folds["Tag rules"].findChildren(QLabel)
        if one.parent() in options.folds.values()
    ]


def test_the_preset_is_chosen_and_the_steps_say_what_it_makes_of_them(qtbot: QtBot, desk: Desk) -> None:
    options = panel(qtbot, desk)
    qtbot.mouseClick(options.recovery.choices["strict"], Qt.MouseButton.LeftButton)
    assert desk.configuration.settings.recovery == RecoverySettings(recovery="strict")
    assert field(options, "remap").editor.inner.currentText() == "As the preset: off"
    assert note(options.folds["Recovery"]) == "1 changed"
    field(options, "remap").editor.show_value(True)
    assert desk.configuration.settings.recovery == RecoverySettings(recovery="strict", remap=True)
    desk.change(Configuration())
    assert options.recovery.choices["standard"].isChecked()


def test_the_schedule_is_told_in_words_of_the_run_itself(qtbot: QtBot, desk: Desk) -> None:
    options = panel(qtbot, desk)
    assert options.schedule.text() == "A migration started now sends at once."
    now, hour = datetime.now(), timedelta(hours=1)
    peak = f"{now - hour:%H:%M}-{now + hour:%H:%M}"
    desk.update(settings=Settings(pace=PaceSettings(peak=peak)))
    assert options.schedule.text().startswith("A migration started now: peak hours until ")
    desk.update(settings=Settings(pace=PaceSettings(start_at="2099-01-31T22:00")))
    assert options.schedule.text() == "A migration started now: starts on 2099-01-31 at 22:00."


def test_everything_that_takes_the_focus_has_a_name_and_is_reached_by_tab(qtbot: QtBot, desk: Desk) -> None:
    options = panel(qtbot, desk)
    for title in options.folds:
        options.open(title)
    area = scrolled(options)
    qtbot.addWidget(area)
    area.show()
    first = reached = options.nextInFocusChain()
    focusable: list[QWidget] = []
    while True:
        if options.isAncestorOf(reached) and reached.focusPolicy() & Qt.FocusPolicy.TabFocus:
            focusable.append(reached)
        reached = reached.nextInFocusChain()
        if reached is first:
            break
    named = [one.accessibleName() or getattr(one, "text", str)() for one in focusable if one.isVisible()]
    assert all(named)
    assert set(options.folds) < set(named)
    order = [one.objectName() for one in focusable if one.objectName() in SendSettings.model_fields]
    transfer = list(options.forms["Transfer"][0].fields)
    assert order[: len(transfer)] == transfer


def test_the_panel_fits_a_small_window_without_scrolling_sideways(qtbot: QtBot, desk: Desk) -> None:
    options = panel(qtbot, desk)
    for title in options.folds:
        options.open(title)
    options.rules.editor.insertPlainText("nonsense " * 40)
    field(options, "listen").editor.inner.setText("x")
    area = scrolled(options)
    qtbot.addWidget(area)
    area.resize(760, 600)
    area.show()
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    assert area.horizontalScrollBar().maximum() == 0
