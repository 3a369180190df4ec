"""preview RULES FILE: before and after of every attribute that rules would change."""

from __future__ import annotations

import argparse
import json

from migrator.cli.terminal import printable, tell
from migrator.core.settings import RuleSettings
from migrator.jobs.preview import Preview, as_json, preview

_NOTHING = "(none)"
_RULES = """\
rules, one per line; # begins a comment; attributes by keyword or as (gggg,eeee):
  PatientID prefix "A-"                       also: suffix "text", set "text", delete
  StudyDescription replace /CT (\\d+)/ "CT-\\1"  a regular expression
  AccessionNumber copy StudyID                 what is empty is not copied
  strip_private                                every private element, in sequences too
  InstitutionName set "North" if Modality = "CT"
                                               also: != "text", ~ /pattern/, exists, missing

the crosswalk's columns, named in its first line:
  old_id, new_id, and if wanted old_issuer, new_issuer, new_name
  (without old_issuer patients are known by their ID alone)"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _RULES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("rules", metavar="RULES", help="the file with the rules, one per line")
    parser.add_argument("file", metavar="FILE", help="a DICOM file; it is only ever read")
    meaning = RuleSettings.model_fields["crosswalk"].description
    parser.add_argument("--crosswalk", metavar="CSV", default="", help=meaning)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0; errors give 2 for the rules, 4 for the file, 1 where a rule cannot be applied to it."""
    settings = RuleSettings(rules=arguments.rules, crosswalk=arguments.crosswalk)
    result = preview(arguments.file, settings)
    tell(json.dumps(as_json(result)) if arguments.json else "\n".join(_lines(result)))
    return 0


def _lines(result: Preview) -> list[str]:
    if not result.changes:
        return [f"{printable(result.file)}: nothing would change"]
    width = max(len(change.keyword) for change in result.changes)
    lines = [f"{printable(result.file)}: {len(result.changes)} changes"]
    for change in result.changes:
        before, after = (printable(text) or _NOTHING for text in (change.before, change.after))
        lines.append(f"  {change.keyword:<{width}}  {before} → {after}")
    return lines
