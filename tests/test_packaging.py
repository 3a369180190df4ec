"""Pins, locks and notices say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins_of(lock: str) -> list[tuple[str, str]]:
    """Names and versions; a name may stand there twice, for different Pythons."""
    found = PIN.findall((ROOT / "requirements" / f"{lock}.lock").read_text("utf-8"))
    assert found
    return found


@pytest.mark.parametrize("lock", ["base", "window", "exe", "dev", "pip"])
def test_every_locked_package_has_a_hash_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text("utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.partition("\n")[2])
    assert len(blocks) == len(pins_of(lock))
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_what_pyproject_pins_is_what_is_locked() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    pinned = {(name.lower(), version) for name, version in re.findall(r'"([A-Za-z0-9._-]+)==([^";]+)', text)}
    locked = {pin for lock in ("base", "window", "exe", "dev", "pip") for pin in pins_of(lock)}
    not_installed = {"setuptools", "uv"}  # these build and lock; they are in no environment
    assert len(pinned) > len(not_installed)
    assert {pin for pin in pinned - locked if pin[0] not in not_installed} == set()


def test_the_layers_agree_on_the_packages_they_share() -> None:
    assert set(pins_of("base")) <= set(pins_of("window")) <= set(pins_of("dev"))
    assert set(pins_of("window")) <= set(pins_of("exe"))


def test_the_notices_name_every_package_that_is_installed_at_the_users() -> None:
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    missing = [name for name, version in pins_of("window") if f"| {name} | {version} |" not in notices]
    assert missing == []
