"""The page Dashboard: how fast it goes, how far it has come, how each destination stands."""

from __future__ import annotations

import time
from typing import Any

from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QComboBox, QFrame, QVBoxLayout, QWidget

from migrator.jobs.countdown import waiting_run
from migrator.jobs.standing import StudyTally, standing_of
from migrator.jobs.tail import Growth
from migrator.ui.desk import Desk
from migrator.ui.dialogs.speed_test import SpeedTestDialog
from migrator.ui.pages.dashboard.destinations import Destinations
from migrator.ui.pages.dashboard.figures import Figures, parts_of, share_words
from migrator.ui.pages.dashboard.integrity import IntegrityCard
from migrator.ui.pages.dashboard.start import CountdownBanner, StartCard
from migrator.ui.pages.dashboard.study_card import StudyCard
from migrator.ui.pages.page import Page
from migrator.ui.running import Migration, Sight
from migrator.ui.theme import tokens
from migrator.ui.widgets.basics import button, card, column, label, row, scrolled
from migrator.ui.widgets.chart import ThroughputChart
from migrator.ui.widgets.chart_donut import DonutWithLegend
from migrator.ui.widgets.chart_history import RateHistory

_TICK = 1000  # milliseconds
_TOOLS = 264  # pixels


class DashboardPage(Page):
    """Shows the migration on view; without one, what will be here."""

    name = "dashboard"
    title = "Dashboard"
    icon = "view-dashboard-outline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.history = RateHistory()
        self.tallies: list[StudyTally] = []
        self._expected: dict[str, int] = {}
        self._expected_of = ""
        self._migration: Migration | None = None
        self.banner = CountdownBanner()
        self.figures = Figures()
        self.chart = ThroughputChart()
        self.span = self._make_span()
        self.donut = DonutWithLegend("How the job is made up")
        self.destinations = Destinations(desk)
        self.studies = StudyCard()
        self.start = StartCard(desk)
        self.integrity = IntegrityCard(desk)
        self.empty = self._make_empty()
        self._arrange()
        self._listen()
        self._renew()
        self._show()

    def _make_span(self) -> QComboBox:
        span = QComboBox()
        span.addItems(["Last 10 minutes", "Whole run"])
        span.setAccessibleName("How much of the run the chart shows")
        return span

    def _make_empty(self) -> QFrame:
        frame, inside = card("Nothing to show yet")
        inside.addWidget(
            label(
                "While a migration runs, its speed, its time left, what became of every file and how each "
                "destination stands are shown here. After it the figures of the last run stay.",
                "muted",
                wraps=True,
            )
        )
        go = button("Go to Upload", "upload", tip="Where a migration is started")
        go.clicked.connect(lambda: self.desk.go("upload"))
        inside.addLayout(row(go, None))
        inside.addStretch(1)
        return frame

    def _arrange(self) -> None:
        test = button(
            "Speed Test…", "speedometer", tip="Measure the destination, and how many workers are best"
        )
        test.clicked.connect(lambda: SpeedTestDialog(self.desk, self).open())
        self.body.addLayout(row(label(self.title, "heading"), None, test))
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, tokens.TIGHT, 0)
        layout.setSpacing(tokens.MEDIUM)
        self._charts, charts = QWidget(), row(spacing=tokens.MEDIUM)
        charts.addWidget(self._chart_card(), 1)
        charts.addWidget(self._donut_card())
        self._charts.setLayout(charts)
        lower = row(spacing=tokens.MEDIUM)
        tools = QWidget()
        tools.setFixedWidth(_TOOLS)
        tools.setLayout(column(self.start, self.integrity, None, spacing=tokens.MEDIUM))
        self._left = QWidget()
        self._left.setLayout(column(self.destinations, self.studies, spacing=tokens.MEDIUM))
        self._left.layout().setStretch(1, 1)
        lower.addWidget(self._left, 1)
        lower.addWidget(self.empty, 1)
        lower.addWidget(tools)
        for part in (self.banner, self.figures, self._charts):
            layout.addWidget(part)
        layout.addLayout(lower, 1)
        self.body.addWidget(scrolled(content), 1)

    def _chart_card(self) -> QFrame:
        frame, inside = card()
        inside.addLayout(row(label("Throughput", "title"), None, self.span))
        inside.addWidget(self.chart)
        inside.addStretch(1)
        return frame

    def _donut_card(self) -> QFrame:
        frame, inside = card("What became of the files")
        inside.addWidget(self.donut)
        inside.addStretch(1)
        return frame

    def _listen(self) -> None:
        self._ticking = QTimer(self)
        self._ticking.setInterval(_TICK)
        self._ticking.timeout.connect(self.tick)
        self._ticking.start()
        self.span.currentIndexChanged.connect(lambda index: self._draw())
        self.desk.migration_changed.connect(self._follow)
        self.desk.inventoried.connect(self._expect)
        self.desk.rows.renewed.connect(self._renew)
        self.desk.rows.grew.connect(self._take)

    def shown(self) -> None:
        self._show()
        self.tick()

    # What is followed

    def _follow(self, migration: Migration | None) -> None:
        """Show another migration, or another run of the same one."""
        if self._migration is not None:
            self._migration.sighted.disconnect(self._sighted)
        self._migration = migration
        self.history = RateHistory()
        self.destinations.follow(migration)
        if migration is not None:
            self.studies.name_destinations([str(node) for node in migration.nodes])
            migration.sighted.connect(self._sighted)
        self._show()
        self.tick()

    def _renew(self) -> None:
        """Other rows are followed now."""
        self.tallies = [StudyTally() for _ in self.desk.rows.feeds]
        for tally, tail in zip(self.tallies, self.desk.rows.tails, strict=True):
            tally.expect(self._known())
            tally.take_all(tail, time.monotonic())
        self.studies.show_tallies(self.tallies)

    def _take(self, number: int, growth: Growth) -> None:
        self.tallies[number].take(self.desk.rows.tails[number], growth, time.monotonic())

    def _expect(self, source: str, instances: Any) -> None:
        """A scan has told how many instances each study of a source has."""
        self._expected, self._expected_of = dict(instances), source
        for tally in self.tallies:
            tally.expect(self._known())

    def _known(self) -> dict[str, int]:
        """How many instances each study has, where that is known of the very source that is on view."""
        migration = self.desk.migration
        return self._expected if migration is not None and migration.source == self._expected_of else {}

    def _sighted(self, sight: Sight) -> None:
        total, now = sight.total, time.time()
        is_held = sight.is_paused or waiting_run(sight.paces) is not None
        if total is not None and sight.is_live and not is_held:
            self.history.add(now, total.files_per_second, total.bytes_per_second)
        else:
            self.history.pause(now)
        if self.isVisible():
            self._show()

    # What is shown

    @property
    def sight(self) -> Sight:
        return self._migration.sight if self._migration is not None else Sight()

    def _show(self) -> None:
        sight = self.sight
        rows, total = self.desk.rows, sight.total
        standing = standing_of(rows.tails, total, is_live=sight.is_live, is_read=rows.is_all)
        has_something = sight.is_live or bool(standing.found)
        for part in (self.figures, self._charts, self._left):
            part.setVisible(has_something)
        self.empty.setVisible(not has_something)
        self.banner.show_sight(self._migration, sight)
        self.figures.show_standing(standing, total, is_live=sight.is_live)
        self.donut.show_parts(parts_of(standing), share_words(standing.stored_share), "stored")
        self.destinations.show_sight(sight)

    def tick(self) -> None:
        """Once a second, while somebody looks: what need not follow every look at the run."""
        if not self.isVisible():
            return
        self.banner.tick()
        self.start.tick()
        self._draw()
        if not self.sight.is_live:
            self._show()
        self.studies.refresh(is_live=self.sight.is_live)

    def _draw(self) -> None:
        self.chart.show_points(self.history.points(is_whole=self.span.currentIndex() == 1))
