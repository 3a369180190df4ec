"""Whatever bytes a file holds, the command ends in order and counts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.core.control import Control
from migrator.core.settings import ScanSettings
from migrator.jobs.quality import QualityJob, as_json
from migrator.records.quality_page import quality_page
from tests.quality.making import DEFLATED, EXPLICIT, IMPLICIT, JPEG, PIXELS, clean, fragments, part_10, put
from tests.quality.test_directory import directory
from tests.scan.test_both_readers import SHIPPED

SEEDS = (
    part_10(clean(), EXPLICIT),
    part_10(clean(), IMPLICIT),
    part_10(clean(), DEFLATED),
    part_10(clean() | {PIXELS: (b"OB", fragments(b"\xff\xd8", offsets=bytes(4)))}, JPEG),
    directory("IMAGES\\IM1", "..\\x"),
)
_TELLING = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xfe\xff\0\xe0",
    b"\xe0\x7f\x10\0",
    b"SQ\0\0",
    b"\x08\0\x05\0",
)

_changed = st.builds(
    lambda seed, place, new, end: (seed[:place] + new + seed[place + len(new) :])[: len(seed) - end],
    st.sampled_from(SEEDS),
    st.integers(0, 900),
    st.one_of(st.binary(max_size=12), st.sampled_from(_TELLING)),
    st.sampled_from((0, 0, 0, 1, 8, 40)),
)


@settings(
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.one_of(_changed, st.binary(max_size=600)), twice=st.booleans())
def test_no_file_ends_the_look(data: bytes, twice: bool, tmp_path: Path) -> None:
    put(tmp_path / "1", data)
    put(tmp_path / "2", data if twice else SEEDS[0])
    job = QualityJob(str(tmp_path), ScanSettings(settle=0), Control())
    report = as_json(job.run())
    assert report["found"] == 2
    assert json.loads(json.dumps(report)) == report
    assert quality_page(report).encode()


@pytest.mark.parametrize("part", range(4))
def test_every_shipped_file_is_borne(part: int, tmp_path: Path) -> None:
    files = SHIPPED[part::4]
    assert files
    for number, path in enumerate(files):
        put(tmp_path / f"{number}", path.read_bytes()[: 1 << 20])
    report = QualityJob(str(tmp_path), ScanSettings(settle=0), Control()).run()
    assert report.inventory.paths == len(files)
