"""Charts: what is drawn is inside its frame, in proportion, and no markup comes from names."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from migrator.records.charts import WIDTH, Share, Stretch, bar, throughput


def rectangles(svg: str) -> list[tuple[float, float]]:
    """x and width of the bars on top."""
    found = re.findall(r'<rect x="([\d.]+)" y="0.0" width="([\d.]+)" height="22.0"', svg)
    return [(float(x), float(width)) for x, width in found]


def stretch(number: int, files: tuple[int, ...], width: float = 60.0) -> Stretch:
    return Stretch(f"run {number}", 1e9 * number, width, files, tuple(1_000_000 * one for one in files))


def test_parts_of_a_bar_are_in_proportion_and_fill_it() -> None:
    shares = [Share("sent", 750, "green"), Share("failed", 250, "red"), Share("held", 0, "blue")]
    parts = rectangles(bar(shares, "serif"))
    assert len(parts) == 2
    assert sum(width for _, width in parts) == pytest.approx(WIDTH - 2, abs=0.2)
    assert parts[0][1] / parts[1][1] == pytest.approx(3, rel=0.02)


def test_one_failure_in_a_million_is_seen_and_told() -> None:
    svg = bar([Share("sent", 999_999, "green"), Share("failed", 1, "red")], "serif")
    assert rectangles(svg)[1][1] >= 3
    assert "failed 1 (under 0.01 %)" in svg


@pytest.mark.parametrize(
    "stretches",
    [
        [stretch(1, (5,))],
        [stretch(1, (0,)), stretch(2, (3, 0, 900_000, 2))],
        [stretch(number, tuple(range(240)), 0.25) for number in range(1, 13)],
        [stretch(1, (1,) * 240, 7200.0), stretch(2, (1,), 0.25)],
    ],
)
def test_throughput_stays_in_its_frame(stretches: list[Stretch]) -> None:
    svg = throughput(stretches, "serif")
    root = ElementTree.fromstring(svg)
    height = float(root.attrib["viewBox"].split()[3])
    polygons = [one for one in root.iter() if one.tag.endswith("polygon")]
    assert len(polygons) == 2 * len(stretches)
    for one in polygons:
        for point in one.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= height
    for text in (one for one in root.iter() if one.tag.endswith("text")):
        assert 0 <= float(text.attrib["x"]) <= WIDTH


def test_names_are_text_and_never_markup() -> None:
    svg = bar([Share("<script>", 1, "green")], 'serif" onload="x')
    assert [one.tag.rpartition("}")[2] for one in ElementTree.fromstring(svg).iter()] == [
        "svg",
        "rect",
        "rect",
        "text",
    ]
    assert ElementTree.fromstring(svg).attrib["font-family"] == 'serif" onload="x'
