"""The monitor against requests of every kind, made from the description that it serves itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from migrator.monitor.openapi import description
from tests.monitor.made_up import Run, served

_FEW = settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with served(tmp_path_factory.mktemp("monitor"), monitor_control=True, monitor_details=True) as one:
        yield one


@pytest.fixture(scope="module")
def session(run: Run) -> dict[str, str]:
    """The headers of whoever was paired."""
    with run.paired() as client:
        cookies = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
        return {"cookie": cookies, "x-csrf-token": client.headers["x-csrf-token"]}


@pytest.fixture(scope="module")
def described(run: Run, session: dict[str, str]) -> Any:
    with run.client() as client:
        return schemathesis.openapi.from_dict(client.get("/api/openapi.json", headers=session).json())


POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
# Only where a request says something can it say something wrong.
OPERATIONS = [
    (path, method, mode)
    for path, methods in description("cookie")["paths"].items()
    for method in methods
    for mode in ((POSITIVE, NEGATIVE) if method == "post" else (POSITIVE,))
]


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_strangers_get_what_the_description_says(
    path: str, method: str, mode: Any, run: Run, described: Any
) -> None:
    ask(described[path][method], mode, run, {})


@pytest.mark.parametrize(("path", "method", "mode"), [one for one in OPERATIONS if one[0] != "/api/events"])
def test_the_paired_get_what_the_description_says(
    path: str, method: str, mode: Any, run: Run, described: Any, session: dict[str, str]
) -> None:
    ask(described[path][method], mode, run, session)


def ask(operation: Any, mode: Any, run: Run, headers: dict[str, str]) -> None:
    """Some requests of this kind, each answer held against the description."""

    # With a session given from outside, it cannot know which of its own strange cookies were not sent.
    unasked = [ignored_auth, negative_data_rejection] if headers else []

    @given(case=operation.as_strategy(generation_mode=mode))
    @_FEW
    def one(case: Any) -> None:
        case.validate_response(case.call(base_url=run.url, headers=headers), excluded_checks=unasked)

    one()


def test_every_route_is_described(run: Run, described: Any) -> None:
    paths = {operation.ok().path for operation in described.get_all_operations()}
    assert paths == {
        "/healthz",
        "/metrics",
        "/api/session",
        "/api/pair",
        "/api/snapshot",
        "/api/events",
        "/api/control",
        "/api/openapi.json",
    }


def test_the_run_outlives_all_of_it(run: Run) -> None:
    with run.client() as client:
        assert client.get("/healthz").status_code == 200
    assert run.said == []


def test_the_file_that_is_served_is_package_data(tmp_path: Path) -> None:
    with served(tmp_path) as run, run.client() as client:
        assert client.get("/").headers["content-type"].startswith("text/html")
        assert client.get("/manifest.webmanifest").status_code == 200
        tag = client.get("/").headers["etag"]
        assert client.get("/", headers={"if-none-match": tag}).status_code == 304
