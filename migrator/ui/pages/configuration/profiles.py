"""The bar of connection profiles: the destination in the form and the settings, saved under names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QComboBox, QFileDialog, QMenu, QToolButton, QWidget

from migrator.core.errors import MigratorError, UsageError
from migrator.jobs.profile import Profile, Profiles, export_profiles, read_profiles
from migrator.records.words import counted
from migrator.ui.configuration import Configuration
from migrator.ui.desk import Desk
from migrator.ui.dialogs.profile import NameDialog
from migrator.ui.dialogs.profile_question import Question
from migrator.ui.pages.configuration.destination import DestinationCard
from migrator.ui.pages.configuration.destination_check import faults
from migrator.ui.pages.configuration.profiles_content import made_of, put_into, settings_words
from migrator.ui.theme import tokens
from migrator.ui.theme.icons import icon
from migrator.ui.widgets.basics import button, label, row, set_role
from migrator.ui.widgets.fields_words import sentence

_NONE = "None saved yet"
_CHOOSE = "Choose one"
_FILES = "Profiles (*.json);;All files (*)"


class ProfileBar(QWidget):
    """Loads a profile into the form's destination, and saves that; files are read and written in threads."""

    def __init__(self, desk: Desk, card: DestinationCard) -> None:
        super().__init__()
        self._desk = desk
        self._card = card
        self._store = Profiles(desk.home)
        self._all: dict[str, Profile] = {}
        self._asked = self._taken = 0  # numbers of readings
        self._before: Configuration | None = None
        self._after: Configuration | None = None
        self.combo = QComboBox()
        self.combo.setAccessibleName("Profile")
        self.combo.setMinimumWidth(tokens.NAVIGATION)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.words = label("", "caption", wraps=True)
        self.undo = button("Undo", kind="link", tip="Bring back what stood here before the profile")
        self._make_buttons()
        title = label("Profile", "muted")
        title.setBuddy(self.combo)
        self.setLayout(row(title, self.combo, self.load_it, self.save, self.more))
        self.message = QWidget()
        """What is said of profiles, for the page to place over its whole width; hidden without words."""
        said = row(spacing=tokens.SMALL)
        said.addWidget(self.words, 1)
        said.addWidget(self.undo)
        self.message.setLayout(said)
        self.combo.currentIndexChanged.connect(lambda: self._show())
        card.moved.connect(self._follow)
        desk.configuration_changed.connect(self._changed)
        self.refresh()

    def refresh(self, then: Callable[[], None] = lambda: None) -> None:
        """Read what is saved; another window or the command line may have changed it."""
        self._asked += 1
        number = self._asked

        def take(came: object) -> None:
            if isinstance(came, tuple):
                if number > self._taken:  # what was read before may come after it
                    self._taken = number
                    self._fill(came)
                then()
            else:
                self._fail(came)

        self._desk.later(self._store.all, take)

    @property
    def _chosen(self) -> str:
        return str(self.combo.currentData() or "")

    # What it is made of

    def _make_buttons(self) -> None:
        self.load_it = button("Load", tip="Fill in its destination and settings")
        self.save = button("Save", tip="Save the destination in the form, and the settings, under this name")
        self.more = QToolButton()
        self.more.setIcon(icon("dots-vertical", tokens.TEXT))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setAccessibleName("More about profiles")
        self.more.setToolTip("Save as, delete, import, export")
        menu = QMenu(self.more)
        menu.addAction("Save as…", self._save_as)
        self._delete_action = menu.addAction("Delete…", self._ask_to_delete)
        menu.addSeparator()
        menu.addAction("Import…", self._import)
        self._export_action = menu.addAction("Export all…", self._export)
        self.more.setMenu(menu)
        self.load_it.clicked.connect(lambda: self._load())
        self.save.clicked.connect(lambda: self._save())
        self.undo.clicked.connect(lambda: self._undo())
        self.undo.hide()

    def _fill(self, profiles: Sequence[Profile]) -> None:
        chosen = self._chosen or self._card.destination.name
        self._all = {one.name: one for one in profiles}
        self.combo.blockSignals(True)
        self.combo.clear()
        self.combo.addItem(_CHOOSE if profiles else _NONE, "")
        for one in profiles:
            self.combo.addItem(one.name, one.name)
            self.combo.setItemData(self.combo.count() - 1, str(one.node), Qt.ItemDataRole.ToolTipRole)
        self.combo.setCurrentIndex(max(0, self.combo.findData(chosen)))
        self.combo.blockSignals(False)
        self._show()

    def _follow(self) -> None:
        """Show the profile of the destination that has come into the form, if it is one's."""
        self.combo.setCurrentIndex(max(0, self.combo.findData(self._card.destination.name)))

    def _changed(self, configuration: Configuration) -> None:
        self._show()

    def _show(self) -> None:
        is_any = bool(self._chosen)
        self.combo.setEnabled(bool(self._all))
        self.load_it.setEnabled(is_any)
        self._delete_action.setEnabled(is_any)
        self._export_action.setEnabled(bool(self._all))
        if self._after is None or _kept(self._desk.configuration) != _kept(self._after):
            self._after = None
            self.undo.hide()
            self._say(self._standing())

    def _standing(self) -> str:
        """How what stands on the page compares with the profile it came from."""
        name = self._card.destination.name
        if not name or name != self._chosen or name not in self._all:
            return ""
        try:
            now = made_of(self._card.destination, self._desk.configuration.settings, name)
        except UsageError:
            return "Changed since it was saved"
        return "" if now == self._all[name] else "Changed since it was saved"

    def _say(self, words: str, role: str = "caption") -> None:
        set_role(self.words, role)
        self.words.setText(words)
        self.message.setVisible(bool(words))

    def _fail(self, error: object) -> None:
        known = isinstance(error, MigratorError)
        self._say(sentence(str(error)) if known else f"That failed ({type(error).__name__})", "error")

    # What is done with them

    def _do(self, work: Callable[[], object], said: str, then: Callable[[], None] = lambda: None) -> None:
        """Change what is saved, in a thread, and say so."""

        def done(came: object) -> None:
            if isinstance(came, Exception):
                self._fail(came)
                return

            def read_again() -> None:
                then()
                self._say(said, "good")

            self.refresh(read_again)

        self._desk.later(work, done)

    def _load(self) -> None:
        name, number = self._chosen, self._card.current
        if name not in self._all:
            return
        profile = self._all[name]
        before = self._desk.configuration
        after = put_into(before, number, profile)
        self._before = before
        self._desk.change(after)
        self._after = after
        self._say(f"Loaded {name}: its destination and {settings_words(profile)}", "good")
        self.undo.setVisible(_kept(after) != _kept(before))

    def _undo(self) -> None:
        before = self._before
        if before is not None:
            self._desk.update(destinations=before.destinations, settings=before.settings)
            self._say("As it was before", "caption")

    def _save(self) -> None:
        name = self._card.destination.name
        if name and name == self._chosen:
            self._save_under(name)
        else:
            self._save_as()

    def _save_as(self) -> None:
        wrong = faults(self._card.destination)
        if wrong:
            self._say("A profile keeps a destination: fill in its fields first", "error")
            self._card.form.focus(next(iter(wrong)))
            return
        dialog = NameDialog(self._suggestion(), self._all, self._fault, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.named.connect(self._save_under)
        dialog.open()

    def _suggestion(self) -> str:
        """A name made of the destination's."""
        destination = self._card.destination
        name = destination.name or (
            destination.ae_title if destination.ae_title != "ANY-SCP" else destination.host
        )
        return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name).strip("-")

    def _fault(self, name: str) -> str:
        try:
            made_of(self._card.destination, self._desk.configuration.settings, name)
        except UsageError as error:
            return sentence(str(error))
        return ""

    def _save_under(self, name: str) -> None:
        number = self._card.current
        try:
            profile = made_of(self._card.destination, self._desk.configuration.settings, name)
        except UsageError as error:
            self._fail(error)
            return

        def named() -> None:
            if number == self._card.current:
                self._card.replace(self._card.destination.model_copy(update={"name": name}))
            self.combo.setCurrentIndex(self.combo.findData(name))

        self._do(lambda: self._store.add([profile], replaces=True), f"Saved as {name}", named)

    def _ask_to_delete(self) -> None:
        name = self._chosen
        text = f"Delete the profile {name}? What stands on the page stays as it is."
        Question("Delete a profile", text, {"Delete": lambda: self._delete(name)}, self).open()

    def _delete(self, name: str) -> None:
        self._do(lambda: self._store.delete(name), f"Deleted {name}")

    def _import(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Import profiles", str(Path.home()), _FILES)
        if file:
            self._desk.later(lambda: read_profiles(Path(file)), self._imported)

    def _imported(self, came: object) -> None:
        if not isinstance(came, tuple):
            self._fail(came)
            return
        taken = [one.name for one in came if one.name in self._all]
        if not taken:
            self._add(came)
            return
        new = [one for one in came if one.name not in self._all]
        names = ", ".join(taken)
        are = "is a profile of that name" if len(taken) == 1 else "are profiles of these names"
        answers = {"Replace": lambda: self._add(came)}
        if new:
            answers["Import the others only"] = lambda: self._add(new)
        Question("Import profiles", f"There {are} already: {names}.", answers, self).open()

    def _add(self, profiles: Sequence[Profile]) -> None:
        said = f"Imported {counted(len(profiles), 'profile')}"
        self._do(lambda: self._store.add(profiles, replaces=True), said)

    def _export(self) -> None:
        suggested = str(Path.home() / "profiles.json")
        file, _ = QFileDialog.getSaveFileName(self, "Export profiles", suggested, _FILES)
        if file:
            profiles = list(self._all.values())
            said = f"Exported {counted(len(profiles), 'profile')}"
            self._do(lambda: export_profiles(Path(file), profiles), said)


def _kept(configuration: Configuration) -> tuple[object, ...]:
    """What a profile may change of it."""
    return configuration.destinations, configuration.settings
