"""Forms made from the settings' own declarations."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from migrator.core.settings import (
    AuditSettings,
    FilterSettings,
    PaceSettings,
    RecoverySettings,
    SendSettings,
    Settings,
    TlsSettings,
)
from migrator.jobs.settings_check import CHECKS
from migrator.ui.widgets.fields import SettingsForm
from migrator.ui.widgets.fields_editors import LineEditor, PresetEditor
from migrator.ui.widgets.fields_words import span_text

GROUPS = {name: type(getattr(Settings(), name)) for name in Settings.model_fields}

# One other value of each setting, as people write it, and what it means.
OTHERS: dict[str, tuple[Any, Any]] = {
    "settle": ("7.5", 7.5),
    "conflicts": ("send", "send"),
    "modality": (" CT, mr ,", ("CT", "mr")),
    "study_date": ("20200101..", "20200101.."),
    "patient": ("DOE^J*\n\n  A,B  ", ("DOE^J*", "A,B")),
    "limit_studies": ("3", 3),
    "shard": ("2/4", "2/4"),
    "bandwidth": ("12.5", 12.5),
    "peak": ("7:00 - 18:00", "7:00-18:00"),
    "peak_days": ("Mon-Fri", "mon-fri"),
    "max_duration": ("8h", 28800.0),
    "start_at": ("2027-01-31T22:00", "2027-01-31T22:00"),
    "deep": ("10 %", 10.0),
    "listen": ("11113", "11113"),
    "status": ("A778=patient-conflict", ("A778=patient-conflict",)),
    "rules": ("/rules.txt", "/rules.txt"),
    "max_pdu": ("65536", 65536),
    "keep_awake": (False, False),
    "remap": (False, False),
    "workers": (16, 16),
}
WRONG = {
    "settle": ("x", "Write a number"),
    "limit_studies": ("-1", "Must be at least 0"),
    "max_pdu": ("4294967296", "Must be at most 4,294,967,295"),
    "acse_timeout": ("0", "Must be more than 0"),
    "split_limit": ("1.5", "Write a whole number"),
    "shard": ("4", "Write a part and the number of parts: 1/4"),
    "peak": ("25:00-1", "Write two times of day: 19:00-06:00"),
    "window_days": ("monday", "Write days or ranges of them: mon-fri,sun"),
    "max_duration": ("long", "Write seconds, or a number with s, m, h or d: 90s, 30m, 8h"),
    "deep": ("120", "Must be at most 100"),
    "bandwidth": ("inf", "Write a number"),
    "conflict_suffix": ("a b", "Write 1 to 16 letters, digits, dots, dashes or underscores"),
    "breaker_wait": ("0", "Must be more than 0"),
}


def shown(qtbot: QtBot, group: type[BaseModel], *names: str, **more: Any) -> SettingsForm:
    form = SettingsForm(group, names or None, **more)
    qtbot.addWidget(form)
    return form


def write(form: SettingsForm, name: str, value: Any) -> None:
    """Put what a person would into a field."""
    editor = form.fields[name].editor
    if isinstance(editor.inner, QPlainTextEdit):
        editor.inner.setPlainText(value)
    elif isinstance(editor, LineEditor):
        editor.line.setText(value)
    else:
        editor.show_value(value)


def holder(name: str) -> type[BaseModel]:
    return next(group for group in GROUPS.values() if name in group.model_fields)


@pytest.mark.parametrize("group", GROUPS)
def test_every_setting_has_a_field_that_shows_its_default_and_says_what_it_does(
    qtbot: QtBot, group: str
) -> None:
    form = shown(qtbot, GROUPS[group])
    assert list(form.fields) == list(GROUPS[group].model_fields)
    assert form.collect() == GROUPS[group]()
    assert not form.errors
    assert not form.difference
    for name, one in form.fields.items():
        declared = GROUPS[group].model_fields[name]
        inner = one.editor.inner
        assert declared.description is not None
        assert declared.description[1:] in one.toolTip()
        assert "--" + name.replace("_", "-") in inner.accessibleDescription()
        assert "Default: " in inner.accessibleDescription()
        assert inner.accessibleName()
        assert inner.focusPolicy() & Qt.FocusPolicy.TabFocus


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_written_is_collected_as_the_declaration_reads_it(qtbot: QtBot, name: str) -> None:
    form = shown(qtbot, holder(name))
    written, meant = OTHERS[name]
    with qtbot.waitSignal(form.changed) as changed:
        write(form, name, written)
    assert changed.args[0] == form.collect() == holder(name).model_validate({name: meant})
    assert form.difference == 1


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_loaded_is_shown_and_collected_again_and_nothing_is_told(qtbot: QtBot, name: str) -> None:
    form = shown(qtbot, holder(name))
    group = holder(name).model_validate({name: OTHERS[name][1]})
    with qtbot.assertNotEmitted(form.changed):
        form.load(group)
    assert form.collect() == group
    assert holder(name).model_validate({name: form.fields[name].editor.raw()}) == group
    assert form.difference == 1


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_told_beside_its_field_and_the_last_right_one_counts(
    qtbot: QtBot, name: str
) -> None:
    form = shown(qtbot, holder(name))
    written, words = WRONG[name]
    with qtbot.assertNotEmitted(form.changed):
        write(form, name, written)
    assert form.errors == {name: words}
    assert form.collect() == holder(name)()
    assert words in form.fields[name].editor.inner.accessibleDescription()


def test_a_wrong_value_that_is_put_right_is_told_no_more(qtbot: QtBot) -> None:
    form = shown(qtbot, PaceSettings)
    write(form, "max_duration", "long")
    with qtbot.waitSignal(form.changed):
        write(form, "max_duration", "90m")
    assert not form.errors
    assert form.values["max_duration"] == 5400


def test_loading_leaves_the_caret_where_it_is(qtbot: QtBot) -> None:
    form = shown(qtbot, PaceSettings)
    editor = form.fields["max_duration"].editor
    assert isinstance(editor, LineEditor)
    editor.line.setText("90m")
    editor.line.setCursorPosition(1)
    form.load(form.collect())
    assert editor.line.text() == "90m"
    assert editor.line.cursorPosition() == 1


def test_what_is_wrong_is_left_to_be_corrected_while_others_are_loaded(qtbot: QtBot) -> None:
    form = shown(qtbot, PaceSettings)
    write(form, "peak", "7")
    form.load(PaceSettings(bandwidth=3))
    assert "peak" in form.errors
    assert form.fields["peak"].editor.raw() == "7"
    form.load(PaceSettings(peak="08:00-09:00"))
    assert not form.errors
    assert form.fields["peak"].editor.raw() == "08:00-09:00"


def test_a_field_that_differs_is_set_back_by_its_button(qtbot: QtBot) -> None:
    form = shown(qtbot, SendSettings)
    form.show()
    resets = {name: one.findChild(object, "reset") for name, one in form.fields.items()}
    assert not any(reset.isVisible() for reset in resets.values())
    write(form, "workers", 9)
    assert [name for name, reset in resets.items() if reset.isVisible()] == ["workers"]
    qtbot.mouseClick(resets["workers"], Qt.MouseButton.LeftButton)
    assert form.values["workers"] == SendSettings().workers
    assert not form.difference
    assert not resets["workers"].isVisible()


def test_a_step_that_is_not_set_says_what_the_preset_makes_of_it(qtbot: QtBot) -> None:
    form = shown(qtbot, RecoverySettings)

    def words(name: str) -> str:
        editor = form.fields[name].editor
        assert isinstance(editor, PresetEditor)
        return str(editor.combo.itemText(0))

    assert words("remap") == "As the preset: on"
    write(form, "recovery", "strict")
    assert words("remap") == "As the preset: off"
    assert words("reconnect") == "As the preset: on"
    write(form, "remap", True)
    assert words("remap") == "As the preset: off"
    assert form.collect() == RecoverySettings(recovery="strict", remap=True)


def test_two_forms_share_a_group_and_neither_touches_the_other_ones_settings(qtbot: QtBot) -> None:
    form = shown(qtbot, SendSettings, "workers", "retries")
    form.load(SendSettings(max_pdu=4096, workers=2))
    write(form, "retries", 3)
    assert list(form.fields) == list(form.values) == ["workers", "retries"]
    assert form.collect() == SendSettings(max_pdu=4096, workers=2, retries=3)


def test_what_a_job_would_refuse_is_refused_beside_the_field(qtbot: QtBot) -> None:
    from migrator.jobs.settings_check import CHECKS

    wrong = {
        (FilterSettings, "study_date", "2020"): "Write YYYYMMDD",
        (FilterSettings, "study_date", "20210101..20200101"): "The first day is after the last",
        (FilterSettings, "shard", "5/4"): "There is no part 5 of 4",
        (SendSettings, "status", "A778=nonsense"): "Write CODE=MEANING",
        (AuditSettings, "audit_syslog", "host:0"): "",
    }
    for (group, name, value), words in wrong.items():
        form = shown(qtbot, group, name, checks=CHECKS)
        write(form, name, value)
        assert form.errors[name].startswith(words), name
        assert "--" not in form.errors[name].partition(",")[0]


def test_the_wheel_changes_nothing_in_a_field_without_the_focus(qtbot: QtBot) -> None:
    from PyQt5.QtCore import QPoint, QPointF
    from PyQt5.QtGui import QWheelEvent
    from PyQt5.QtWidgets import QApplication

    form = shown(qtbot, SendSettings)
    form.show()
    for name in ("workers", "order"):
        inner = form.fields[name].editor.inner
        event = QWheelEvent(
            QPointF(5, 5),
            QPointF(inner.mapToGlobal(QPoint(5, 5))),
            QPoint(0, -120),
            QPoint(0, -120),
            Qt.MouseButtons(Qt.MouseButton.NoButton),
            Qt.KeyboardModifiers(Qt.KeyboardModifier.NoModifier),
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        inner.clearFocus()
        QApplication.sendEvent(inner, event)
    assert form.collect() == SendSettings()


@pytest.mark.parametrize("width", [320, 640, 1200])
def test_no_field_is_cut_off_or_covers_another_at_any_width(qtbot: QtBot, width: int) -> None:
    form = shown(qtbot, TlsSettings)
    form.resize(width, 10)
    form.show()
    form.resize(width, form.heightForWidth(width))
    qtbot.waitUntil(lambda: form.fields["check_host"].geometry().bottom() <= form.height() + 1)
    boxes = [one.geometry() for one in form.fields.values()]
    assert all(box.left() >= 0 and box.right() <= width for box in boxes)
    assert not any(a.intersects(b) for a in boxes for b in boxes if a is not b)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 45.0, 60.0, 90.0, 3600.0, 5400.0, 86400.0, 100000.0])
def test_a_duration_is_shown_as_it_can_be_written(seconds: float) -> None:
    assert PaceSettings.model_validate({"max_duration": span_text(seconds)}).max_duration == seconds


@pytest.mark.parametrize(
    "text", ["9" * 5000, "\x00", "\ud800", "\u0663", "host:" + "9" * 5000, "a" * 100_000]
)
def test_no_text_brings_a_form_down(qtbot: QtBot, text: str) -> None:
    for group in GROUPS.values():
        made = SettingsForm(group, checks=CHECKS)
        qtbot.addWidget(made)
        for one in made.fields.values():
            if isinstance(one.editor, LineEditor):
                one.editor.line.setText(text)
        assert isinstance(made.collect(), group)
