"""report: one document of a migration, as a page and as PDF."""

from __future__ import annotations

import html.parser
import io
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from migrator.cli.main import main
from migrator.core.control import Control
from migrator.core.errors import Cancelled
from migrator.jobs.history import all_manifests
from migrator.jobs.report import gather
from migrator.records import report_pdf
from migrator.records.report import document_of
from migrator.records.report_html import as_html
from migrator.records.report_pdf import as_pdf
from migrator.records.writing import PHI_NOTICE
from tests.migrate.running import Command
from tests.peers import Orthanc
from tests.peers.archives import Archive
from tests.report.making import NODE, Plan, make_manifest

HOSTILE = (
    "<script>alert(1)</script>^X",
    "\"><img src=x onerror='y'>",
    "{{ 7*7 }}{% raw %}",
    "#strong[x] $x^2$ \\ @ref *bold* `raw` // ",
    "W" * 64,
    "A‮B\x07C",
)


def report(home: Path, *options: str) -> int:
    return main(["report", "/mnt/archive", "--to", str(NODE), "--home", str(home), *options])


def texts(file: Path) -> list[str]:
    """The text of each page, its white space made one."""
    pages = pypdf.PdfReader(io.BytesIO(file.read_bytes())).pages
    return [" ".join(page.extract_text().replace("\N{ZERO WIDTH SPACE}", "").split()) for page in pages]


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.found


def test_a_real_migration_with_its_proof_is_told_as_page_and_pdf(
    orthanc: Orthanc, archive: Callable[..., Archive], migrate: Command, tmp_path: Path
) -> None:
    made = archive(studies=2, series=1, instances=3)
    assert migrate(made.folder, orthanc.node, "--verify").code == 0
    home = os.environ["DICOM_MIGRATOR_HOME"]
    page, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    job = ["report", str(made.folder), "--to", str(orthanc.node), "--home", home]
    assert main([*job, "--html", str(page), "--pdf", str(pdf)]) == 0
    text = page.read_text("utf-8")
    whole = " ".join(texts(pdf))
    for told in (
        "COMPLETE AND PROVEN",
        "UNTOUCHED",
        *(study for study in {one.study_uid for one in made.files}),
    ):
        assert told in text
        assert told in whole
    assert {stat.S_IMODE(file.stat().st_mode) for file in (page, pdf)} == {0o600}
    assert list(Path(home).glob(".report*")) == [], "nothing is left behind"


def test_the_page_needs_nothing_but_itself(data_directory: Path, tmp_path: Path) -> None:
    make_manifest(data_directory, Plan(studies=5))
    page = tmp_path / "r.html"
    assert report(data_directory, "--html", str(page)) == 0
    text = page.read_text("utf-8")
    tags = tags_of(text)
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in tags)
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in tags}
    addresses = set(re.findall(r"https?://[^\s\"'<]*", text))
    assert addresses == {"http://www.w3.org/2000/svg"}, "the name of SVG, which nobody fetches"
    assert text.count(PHI_NOTICE) == 3, "at the top, at the end, and at the foot of each printed page"


def test_nothing_that_comes_from_files_becomes_markup(data_directory: Path, tmp_path: Path) -> None:
    make_manifest(data_directory, Plan(studies=12, names=HOSTILE, descriptions=HOSTILE[:4]))
    page, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    assert report(data_directory, "--html", str(page), "--pdf", str(pdf)) == 0
    tags = tags_of(page.read_text("utf-8"))
    assert "script" not in {tag for tag, _ in tags}
    assert not {name for _, attributes in tags for name in attributes if name.startswith("on")}
    whole = " ".join(texts(pdf))
    assert "alert(1)" in whole
    assert "#strong[x] $x^2$" in whole, "typst's markup is text too"
    assert "{{ 7*7 }}" in page.read_text("utf-8")
    assert "W" * 64 in whole.replace(" ", "")


def test_every_page_has_its_number_the_notice_and_the_head_of_its_table(
    data_directory: Path, tmp_path: Path
) -> None:
    make_manifest(data_directory, Plan(studies=150, instances=2))
    pdf = tmp_path / "r.pdf"
    assert report(data_directory, "--pdf", str(pdf)) == 0
    pages = texts(pdf)
    assert len(pages) > 6
    for number, text in enumerate(pages, 1):
        assert f"{number} of {len(pages)}" in text
        assert PHI_NOTICE in text
    first = next(number for number, text in enumerate(pages) if "150 studies of" in text)
    assert all("Patient Study Instances Proof" in text for text in pages[first:])
    shown = set(re.findall(r"1\.2\.826\.0\.1\.3680043\.8\.498\.\d+(?=\s)", " ".join(pages[first:])))
    assert len(shown) == 150


def test_the_pdf_is_archival_and_names_itself(data_directory: Path, tmp_path: Path) -> None:
    make_manifest(data_directory, Plan(studies=2))
    pdf = tmp_path / "r.pdf"
    assert report(data_directory, "--pdf", str(pdf)) == 0
    reader = pypdf.PdfReader(pdf)
    assert reader.metadata is not None
    assert str(reader.metadata.title).startswith("Migration report")
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf.read_bytes()


def test_letters_that_no_font_has_cost_the_archival_form_only(
    data_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Khitan small script, which next to no font has.
    make_manifest(data_directory, Plan(studies=2, names=("\U00018b00^X",)))
    pdf = tmp_path / "r.pdf"
    assert report(data_directory, "--pdf", str(pdf)) == 0
    assert "no font of this machine has" in capsys.readouterr().err
    assert b"pdfaid" not in pdf.read_bytes()
    assert len(texts(pdf)) >= 2


def test_a_list_of_very_many_studies_is_set_without_columns_and_loses_none(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_manifest(data_directory, Plan(studies=80, instances=2))
    monkeypatch.setattr(report_pdf, "_MOST_IN_TABLE", 50)
    document = document_of(gather(next(all_manifests(data_directory)), Control()))
    data, _ = as_pdf(document, data_directory, Control())
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]
    assert len(set(re.findall(r"1\.2\.826\.0\.1\.3680043\.8\.498\.\d+(?=\s)", " ".join(pages)))) == 80


def test_without_typst_the_page_is_written_and_the_lack_is_told(
    data_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_manifest(data_directory, Plan(studies=2))
    broken = tmp_path / "broken" / "typst"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('no typst for this machine')")
    monkeypatch.syspath_prepend(str(broken.parent))
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    page, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    assert report(data_directory, "--html", str(page), "--pdf", str(pdf)) == 1
    assert "the PDF could not be made" in capsys.readouterr().err
    assert page.exists()
    assert not pdf.exists()


def test_setting_a_pdf_stops_when_the_user_wants_it(data_directory: Path) -> None:
    make_manifest(data_directory, Plan(studies=2))
    document = document_of(gather(next(all_manifests(data_directory)), Control()))
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        as_pdf(document, data_directory, control)


def test_a_report_that_is_killed_leaves_patients_data_until_the_next_one_only(
    data_directory: Path, tmp_path: Path
) -> None:
    make_manifest(data_directory, Plan(studies=300, instances=2))
    root = str(Path(__file__).resolve().parent.parent.parent)
    code = (
        "import sys, time\n"
        "from migrator.cli.main import main\n"
        "from migrator.records import report_pdf\n"
        "report_pdf._set = lambda *_: time.sleep(600)\n"  # so that it is killed in the middle
        "main(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", code, "report", "/mnt/archive", "--to", str(NODE)]
    command += ["--home", str(data_directory), "--pdf", str(tmp_path / "r.pdf")]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not list(data_directory.glob(".report-*/report.json")):
        assert process.poll() is None and time.monotonic() < limit
    process.kill()
    process.wait()
    assert list(data_directory.glob(".report-*"))
    assert report(data_directory, "--pdf", str(tmp_path / "r.pdf")) == 0
    assert list(data_directory.glob(".report-*")) == []


def test_five_thousand_studies_are_gathered_and_laid_out_in_seconds(data_directory: Path) -> None:
    make_manifest(data_directory, Plan(studies=5000, instances=2))
    made = gather(next(all_manifests(data_directory)), Control())
    page = as_html(document_of(made))
    assert len(made.studies) == 5000
    assert page.count("<tr>") > 5000


@pytest.mark.parametrize("option", ["--html", "--pdf"])
def test_nothing_is_ever_written_inside_the_source(
    data_directory: Path, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "archive"
    source.mkdir()
    make_manifest(data_directory, Plan(studies=1, source=str(source)))
    manifest = next(all_manifests(data_directory))
    for job in ([str(source), "--to", str(NODE)], ["--job", manifest.id]):
        file = str(source / "r")
        assert main(["report", *job, "--home", str(data_directory), option, file]) == 2
        assert "inside the source" in capsys.readouterr().err
    assert list(source.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [[], ["--html", "a", "--pdf", "a"], ["--html", "a", "--pdf", "./a"], ["--html", "a", "--job", "abcd"]],
)
def test_wrong_usage_is_told_at_once(data_directory: Path, options: list[str], tmp_path: Path) -> None:
    make_manifest(data_directory, Plan(studies=1))
    assert report(data_directory, *options) == 2


def test_a_report_needs_no_window_system(data_directory: Path, tmp_path: Path) -> None:
    make_manifest(data_directory, Plan(studies=1))
    page, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    code = (
        "import sys, json\n"
        "from migrator.cli.main import main\n"
        "if __name__ == '__main__':\n"
        "    assert main(sys.argv[1:]) == 0\n"
        "    print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    arguments = ["report", "/mnt/archive", "--to", str(NODE), "--home", str(data_directory)]
    root = str(Path(__file__).resolve().parent.parent.parent)
    done = subprocess.run(
        [sys.executable, str(script), *arguments, "--html", str(page), "--pdf", str(pdf)],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": root},
        timeout=60,
    )
    modules = json.loads(done.stdout.splitlines()[-1])
    assert not {"PyQt5", "PyQt6", "PySide6", "qtpy", "pynetdicom"} & set(modules)
    assert pdf.read_bytes().startswith(b"%PDF-")
