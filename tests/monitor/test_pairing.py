"""Who may look and who may steer: pairing, sessions, other sites' pages, names that lead here."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from migrator.core.errors import UsageError
from migrator.monitor.sessions import Pairing, TriedTooOften
from tests.monitor.made_up import Run, numbers, served


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """One that can be steered, and so needs pairing."""
    with served(tmp_path, monitor_control=True) as one:
        yield one


@pytest.fixture
def afar(tmp_path: Path) -> Iterator[Run]:
    """One that is served beyond this machine."""
    with served(tmp_path, monitor="0.0.0.0:0") as one:
        yield one


def wrong(run: Run) -> str:
    return f"{(int(run.place.code) + 1) % 10**6:06}"


def test_on_this_machine_reading_needs_no_pairing(tmp_path: Path) -> None:
    with served(tmp_path) as run, run.client() as client:
        session = client.get("/api/session").json()
        assert (session["pairing_needed"], session["control"], session["csrf"]) == (False, False, "")
        assert client.get("/api/snapshot").status_code == 200
        assert client.post("/api/control", json={"do": "pause"}).status_code == 403
        assert run.place.code == ""


@pytest.mark.parametrize("path", ["/api/snapshot", "/api/events", "/api/openapi.json", "/metrics"])
@pytest.mark.parametrize("kind", ["run", "afar"])
def test_without_pairing_nothing_is_told(path: str, kind: str, request: pytest.FixtureRequest) -> None:
    served_run: Run = request.getfixturevalue(kind)
    with served_run.client() as client:
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.json() == {"error": "not paired"}
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/session").json()["paired"] is False
        stolen = {"cookie": f"monitor-{served_run.port}=guessed"}
        assert client.get(path, headers=stolen).status_code == 401


def test_a_code_pairs_once_and_is_another_one_then(afar: Run) -> None:
    code = afar.place.code
    assert len(code) == 6
    with afar.client() as phone, afar.client() as other:
        answer = phone.post("/api/pair", json={"code": code})
        assert answer.status_code == 200
        assert phone.get("/api/snapshot").json()["found"] == 100
        assert afar.place.code != code
        assert other.post("/api/pair", json={"code": code}).status_code == 403
        assert other.post("/api/pair", json={"code": afar.place.code}).status_code == 200
        assert phone.get("/api/snapshot").status_code == 200


def test_the_cookie_is_for_this_page_alone(afar: Run) -> None:
    with afar.client() as client:
        answer = client.post("/api/pair", json={"code": afar.place.code})
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie.key == f"monitor-{afar.port}"
    assert cookie["httponly"] is True
    assert cookie["samesite"].lower() == "strict"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert len(cookie.value) >= 40
    assert cookie.value not in answer.text


def test_guessing_is_locked_out_and_a_person_gets_in_later(run: Run) -> None:
    with run.client() as client:
        answers = [client.post("/api/pair", json={"code": wrong(run)}) for _ in range(6)]
        assert [one.status_code for one in answers] == [403] * 5 + [429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
        assert client.post("/api/pair", json={"code": run.place.code}).status_code == 429


def test_the_lock_grows_with_every_guess_and_ends_by_itself() -> None:
    now = [0.0]
    pairing = Pairing(lambda: now[0])
    locks: list[float] = []
    for _ in range(20):
        try:
            pairing.pair("no code")
        except TriedTooOften as often:
            locks.append(often.seconds)
            now[0] += often.seconds
            with pytest.raises(TriedTooOften):
                now[0] -= 0.5
                pairing.pair(pairing.code)
            now[0] += 0.5
    assert locks == sorted(locks)
    assert (locks[0], locks[-1]) == (10.0, 300.0)
    now[0] += 300
    assert pairing.pair(pairing.code) is not None


def test_only_so_many_sessions_are_kept_and_the_unused_go_first() -> None:
    pairing = Pairing()
    sessions = [pairing.pair(pairing.code) for _ in range(32)]
    first, second = sessions[:2]
    assert first is not None
    assert second is not None
    assert pairing.find(first.token) is first
    pairing.pair(pairing.code)
    assert pairing.find(first.token) is first
    assert pairing.find(second.token) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"code": 123456}', b'{"code": "12345"}', b'{"code": null}']
)
def test_what_is_no_code_is_refused_and_counts_as_no_guess(run: Run, body: bytes) -> None:
    with run.client() as client:
        for _ in range(8):
            answer = client.post("/api/pair", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 400
        assert client.post("/api/pair", json={"code": run.place.code}).status_code == 200


def test_whoever_was_paired_can_pause_resume_and_cancel(run: Run) -> None:
    with run.paired() as client:
        assert client.post("/api/control", json={"do": "pause"}).json() == {"done": True}
        assert run.control.is_paused
        assert client.get("/api/snapshot").json()["state"] == "paused"
        client.post("/api/control", json={"do": "resume"}).raise_for_status()
        assert not run.control.is_paused
        client.post("/api/control", json={"do": "cancel"}).raise_for_status()
        assert run.control.is_cancelled


def test_steering_needs_the_session_and_the_token_of_its_own_page(run: Run) -> None:
    wish = {"do": "pause"}
    with run.client() as stranger:
        assert stranger.post("/api/control", json=wish, headers={"x-csrf-token": "x"}).status_code == 401
    with run.paired() as client, run.paired() as other:
        for token in ("", "x", "é", other.headers["x-csrf-token"]):
            headers = {"x-csrf-token": token.encode("utf-8")}
            assert client.post("/api/control", json=wish, headers=headers).status_code == 403
        as_form = client.post("/api/control", data={"do": "pause"})
        assert as_form.status_code == 415
    assert not run.control.is_paused


@pytest.mark.parametrize("said", [{"do": "explode"}, {}, [], "pause", {"do": ["pause"]}])
def test_what_makes_no_sense_is_not_done(run: Run, said: object) -> None:
    with run.paired() as client:
        assert client.post("/api/control", json=said).status_code == 400
    assert not run.control.is_paused


def test_what_the_run_refuses_is_told_in_words_without_paths(run: Run) -> None:
    def refuses() -> None:
        raise UsageError("it cannot be paused: /data/DOE^JANE is away")

    run.watched.steering.pause = refuses
    with run.paired() as client:
        answer = client.post("/api/control", json={"do": "pause"})
    assert answer.status_code == 409
    assert answer.json() == {"error": "it cannot be paused: …"}


def test_a_run_that_has_ended_is_not_steered(run: Run) -> None:
    with run.paired() as client:
        run.watched.code = 0
        assert client.post("/api/control", json={"do": "pause"}).status_code == 409
    assert not run.control.is_paused


def test_without_control_a_paired_phone_only_reads(afar: Run) -> None:
    with afar.paired() as client:
        assert client.get("/api/session").json()["control"] is False
        assert client.post("/api/control", json={"do": "cancel"}).status_code == 403
    assert not afar.control.is_cancelled


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(run: Run, headers: dict[str, str]) -> None:
    with run.paired() as client:
        assert client.post("/api/control", json={"do": "pause"}, headers=headers).status_code == 403
        assert client.post("/api/pair", json={"code": run.place.code}, headers=headers).status_code == 403
        own = {"origin": run.url, "sec-fetch-site": "same-origin"}
        assert client.post("/api/control", json={"do": "pause"}, headers=own).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost.evil", "", "198.51.100.7", "[::1"]
)
def test_a_name_that_was_made_to_lead_here_gets_nothing(tmp_path: Path, host: str) -> None:
    with served(tmp_path) as run, run.client() as client:
        for path in ("/", "/api/snapshot", "/healthz"):
            answer = client.get(path, headers={"host": host.format(port=run.port)})
            assert answer.status_code == 421
            assert "found" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1:{port}", "localhost.:{port}"])
def test_its_own_names_are_answered(tmp_path: Path, host: str) -> None:
    with served(tmp_path) as run, run.client() as client:
        answer = client.get("/api/snapshot", headers={"host": host.format(port=run.port)})
        assert answer.status_code == 200


def test_served_everywhere_it_answers_to_this_machines_names_alone(afar: Run) -> None:
    with afar.paired() as client:
        for address in afar.place.addresses:
            host = address.partition("://")[2]
            assert client.get("/api/snapshot", headers={"host": host}).status_code == 200
        name = socket.gethostname().partition(".")[0]
        assert client.get("/api/snapshot", headers={"host": f"{name}.hospital.example"}).status_code == 200
        for host in ("198.51.100.7", "localhost.evil.example", f"evil.{name}.example"):
            assert client.get("/api/snapshot", headers={"host": host}).status_code == 421


def test_no_answer_lets_another_sites_page_read_it(tmp_path: Path) -> None:
    with served(tmp_path) as run, run.client() as client:
        answer = client.get("/api/snapshot", headers={"origin": "http://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control")]
        preflight = {"origin": "http://evil.example", "access-control-request-method": "POST"}
        assert client.options("/api/control", headers=preflight).status_code == 405


def test_numbers_need_no_code_here(tmp_path: Path) -> None:
    with served(tmp_path) as run:
        assert numbers(run)["control"] is False
