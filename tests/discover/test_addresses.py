"""Ranges of addresses as people write them."""

from __future__ import annotations

import pytest

from migrator.core.addresses import addresses, listen_address
from migrator.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("10.0.0.1", ("10.0.0.1",)),
        ("PACS-1.example", ("pacs-1.example",)),
        ("localhost", ("localhost",)),
        ("10.0.0.0/30", ("10.0.0.1", "10.0.0.2")),
        ("10.0.0.5/30", ("10.0.0.5", "10.0.0.6")),
        ("10.0.0.4/32", ("10.0.0.4",)),
        ("10.0.0.4/31", ("10.0.0.4", "10.0.0.5")),
        ("10.0.0.254-10.0.1.1", ("10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1")),
        ("10.0.0.1-3", ("10.0.0.1", "10.0.0.2", "10.0.0.3")),
        ("10.0.0.1 - 10.0.0.2", ("10.0.0.1", "10.0.0.2")),
        ("::1", ("::1",)),
        ("[::1]", ("::1",)),
        ("fd00::1-fd00::3", ("fd00::1", "fd00::2", "fd00::3")),
        ("fd00::/126", ("fd00::1", "fd00::2", "fd00::3")),
        ("10.0.0.1,10.0.0.1, host", ("10.0.0.1", "host")),
    ],
)
def test_a_range_is_read_as_people_write_it(text: str, hosts: tuple[str, ...]) -> None:
    assert addresses(text) == hosts


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "10.0.0.300",
        "10.0.0",
        "1",
        "10.0.0.0/33",
        "host/24",
        "10.0.0.9-10.0.0.1",
        "10.0.0.1-300",
        "10.0.0.1-",
        "10.0.0.1-fd00::1",
        "10.0.0.1-host",
        "fd00::zz",
        "a b",
        "host:104",
        "PACS@host",
        "-host",
    ],
)
def test_a_range_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        addresses(text)


@pytest.mark.parametrize(
    "text", ["10.0.0.0/15", "10.0.0.0-10.1.0.0", "fd00::/64", "10.0.0.0/16,10.1.0.0/24", "::/0"]
)
def test_more_than_anyone_wants_to_contact_is_refused_at_once(text: str) -> None:
    with pytest.raises(UsageError, match="more than 65,536 addresses"):
        addresses(text)


def test_a_whole_class_b_network_is_not_too_many() -> None:
    assert len(addresses("10.0.0.0/16")) == 65_534


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11113", ("", 11113)),
        (" 127.0.0.1:104 ", ("127.0.0.1", 104)),
        ("[::1]:104", ("::1", 104)),
        ("gateway.example:104", ("gateway.example", 104)),
    ],
)
def test_a_place_to_listen_at_is_a_port_with_or_without_an_address(
    text: str, expected: tuple[str, int]
) -> None:
    assert listen_address(text) == expected


@pytest.mark.parametrize("text", ["", "0", "65536", "x", ":104", "a b:104", "10.0.0.1", "10.0.0.1:"])
def test_what_is_no_place_to_listen_at_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="no place to listen at"):
        listen_address(text)
