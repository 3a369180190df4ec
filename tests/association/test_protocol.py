"""The protocol without I/O, with pynetdicom's classes as judges."""

from __future__ import annotations

import itertools
import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from migrator.core.model import ContextPair, Node
from migrator.dicom import commands, pdus
from migrator.dicom.commands import Response
from migrator.dicom.contexts import Plan, plan_contexts
from migrator.dicom.protocol import Aborted, Accepted, Broken, Rejected, Release, Requestor, fragment_size
from tests.association.making import CT, EXPLICIT, IMPLICIT
from tests.association.scripted import ABORT_BY_PROVIDER, RELEASE_REPLY, command, element, pdata, response

NODE = Node("127.0.0.1", 104, "STORAGE", "MIGRATOR")
PLAN = plan_contexts([ContextPair(CT, "1.2.840.10008.1.2.4.70"), ContextPair("1.2.3.4", EXPLICIT)])


def their_primitive(plan: Plan, max_pdu: int = 16384) -> A_ASSOCIATE:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.called_ae_title, primitive.calling_ae_title = NODE.ae_title, NODE.calling_ae_title
    contexts = []
    for index, pair in enumerate(plan.contexts):
        context = build_context(pair.sop_class, pair.transfer_syntax)
        context.context_id, context.result = 2 * index + 1, 0
        contexts.append(context)
    primitive.presentation_context_definition_list = contexts
    primitive.presentation_context_definition_results_list = contexts
    length = MaximumLengthNotification()
    length.maximum_length_received = max_pdu
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = pdus.IMPLEMENTATION_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = pdus.IMPLEMENTATION_VERSION
    primitive.user_information = [length, class_uid, version]
    primitive.result = 0
    return primitive


def accepted_requestor(max_pdu: int = 16384) -> Requestor:
    requestor = Requestor(NODE, PLAN, 0)
    requestor.receive(A_ASSOCIATE_AC(their_primitive(PLAN, max_pdu)).encode())
    return requestor


def test_the_association_request_is_byte_for_byte_what_pynetdicom_encodes() -> None:
    for max_pdu in (0, 16384, 2**32 - 1):
        theirs = A_ASSOCIATE_RQ(their_primitive(PLAN, max_pdu)).encode()
        assert Requestor(NODE, PLAN, max_pdu).associate() == theirs


def test_irregular_uids_are_proposed_as_they_are() -> None:
    plan = plan_contexts([ContextPair("1.02.3", EXPLICIT)])
    assert b"\x30\x00\x00\x061.02.3" in Requestor(NODE, plan, 0).associate()


def test_an_acceptance_from_pynetdicom_is_understood() -> None:
    primitive = their_primitive(PLAN, 4096)
    primitive.presentation_context_definition_results_list[1].result = 3
    happenings = Requestor(NODE, PLAN, 0).receive(A_ASSOCIATE_AC(primitive).encode())
    assert len(happenings) == 1 and isinstance(happenings[0], Accepted)
    negotiation = happenings[0].negotiation
    ids = {pair: 2 * index + 1 for index, pair in enumerate(PLAN.contexts) if index != 1}
    assert negotiation.accepted == ids
    assert negotiation.refused == {PLAN.contexts[1]: 3}
    assert negotiation.max_pdu == 4096
    assert negotiation.implementation_version == pdus.IMPLEMENTATION_VERSION


def test_a_context_accepted_with_another_syntax_than_proposed_counts_as_refused() -> None:
    primitive = their_primitive(PLAN)
    primitive.presentation_context_definition_results_list[0].transfer_syntax = [IMPLICIT]
    (happening,) = Requestor(NODE, PLAN, 0).receive(A_ASSOCIATE_AC(primitive).encode())
    assert isinstance(happening, Accepted)
    assert PLAN.contexts[0] in happening.negotiation.refused


def test_a_store_request_is_byte_for_byte_what_pynetdicom_encodes() -> None:
    for uid in ("1.2.3", "1.2.34", "1.2.840." + "9" * 56):
        primitive = C_STORE()
        primitive.MessageID, primitive.Priority = 7, 0
        primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = CT, uid
        primitive.DataSet = BytesIO(b"\0\0")
        message = C_STORE_RQ()
        message.primitive_to_message(primitive)
        theirs = encode(message.command_set, True, True)
        assert commands.store_request(7, CT, uid) == theirs


def test_message_ids_wrap_after_65535_and_never_are_zero() -> None:
    requestor = accepted_requestor()
    seen = []
    for _ in range(65537):
        requestor.store(1, CT, "1.2.3")
        seen.append(commands.command_elements(requestor.request)[commands.MESSAGE_ID])
    assert seen[65534:] == [struct.pack("<H", number) for number in (65535, 1, 2)]


def test_a_command_longer_than_the_peer_receives_goes_out_in_pieces() -> None:
    requestor = accepted_requestor(max_pdu=64)
    sent = requestor.store(5, CT, "1.2.3.4")
    joined, position, flags = b"", 0, []
    while position < len(sent):
        kind, length, size, context_id, flag = struct.unpack_from(">BxIIBB", sent, position)
        assert (kind, context_id) == (4, 5)
        assert length <= 64 and size == length - 4
        joined += sent[position + 12 : position + 6 + length]
        flags.append(flag)
        position += 6 + length
    assert joined == requestor.request
    assert flags == [1] * (len(flags) - 1) + [3]


@given(cuts=st.lists(st.integers(1, 300), max_size=8), fragments=st.integers(1, 5))
def test_a_response_may_come_in_any_pieces(cuts: list[int], fragments: int) -> None:
    requestor = accepted_requestor()
    requestor.store(1, CT, "1.2.3")
    whole = command(1, 0xB000, element(0x0902, b"coerced "))
    step = -(-len(whole) // fragments)
    parts = [whole[start : start + step] for start in range(0, len(whole), step)]
    data = b"".join(pdata(1, 1 | 2 * (part is parts[-1]), part) for part in parts)
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    happenings = [h for a, b in itertools.pairwise(edges) for h in requestor.receive(data[a:b])]
    assert len(happenings) == 1 and isinstance(happenings[0], Response)
    assert (happenings[0].status, happenings[0].comment) == (0xB000, "coerced")


def test_offending_elements_are_named_in_the_comment() -> None:
    requestor = accepted_requestor()
    requestor.store(1, CT, "1.2.3")
    extra = element(0x0901, struct.pack("<4H", 0x10, 0x20, 0x8, 0x18)) + element(0x0902, b"bad\0")
    (happening,) = requestor.receive(response(1, 1, 0xA900, extra))
    assert isinstance(happening, Response)
    assert happening.comment == "bad (0010,0020) (0008,0018)"


@pytest.mark.parametrize(
    "data",
    [
        response(1, 2),
        pdata(1, 3, b""),
        pdata(1, 3, b"\0" * 7),
        pdata(1, 3, command(1)[:-1]),
        pdata(1, 2, command(1)),
        pdata(1, 3, element(0x0100, b"\x30\x80") + element(0x0120, b"\1\0") + element(0x0900, b"\0\0")),
        pdata(1, 3, element(0x0100, b"\1\x80") + element(0x0120, b"\1\0")),
        b"\4\0\0\0\0\7\0\0\0\1\1\3\0",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\4\0\xff\xff\xff\xff",
        b"\2\0\0\0\0\4\0\0\0\0",
    ],
    ids=[
        "another message id",
        "empty",
        "an element cut off",
        "shorter than it says",
        "a data set",
        "C-ECHO",
        "no status",
        "a value of one byte",
        "HTTP",
        "four gigabytes",
        "a second acceptance",
    ],
)
def test_what_is_no_answer_to_the_request_loses_the_association(data: bytes) -> None:
    requestor = accepted_requestor()
    requestor.store(1, CT, "1.2.3")
    (happening,) = requestor.receive(data)
    assert isinstance(happening, Broken)


UIDS = ("1.2.34", "1.2.35", "1.2.36", "1.2.37")


def success(message_id: int, uid: str = "", status: int = 0, sop_class: str = CT) -> bytes:
    """A C-STORE-RSP as most peers write it, in one PDU."""
    return pdata(1, 3, success_command(message_id, uid, status, sop_class))


def success_command(message_id: int, uid: str, status: int = 0, sop_class: str = CT) -> bytes:
    body = element(0x0002, commands.padded_uid(sop_class)) + element(0x0100, b"\1\x80")
    body += element(0x0120, struct.pack("<H", message_id)) + element(0x0800, b"\1\1")
    body += element(0x0900, struct.pack("<H", status))
    body += element(0x1000, commands.padded_uid(uid)) if uid else b""
    return element(0, struct.pack("<I", len(body))) + body


def asked(requestor: Requestor, uid: str) -> int:
    """Ask to store; the message id."""
    requestor.store(1, CT, uid)
    return int.from_bytes(commands.command_elements(requestor.request)[commands.MESSAGE_ID], "little")


def learned(uid: str = UIDS[0], sop_class: str = CT, has_uid: bool = True) -> Requestor:
    """A requestor that was answered a success once."""
    requestor = accepted_requestor()
    message_id = asked(requestor, uid)
    (happening,) = requestor.receive(success(message_id, uid if has_uid else "", sop_class=sop_class))
    assert isinstance(happening, Response) and happening.status == 0
    return requestor


def is_recognised(happenings: list[object]) -> bool:
    """Whether a success was told by its bytes: then no elements were read."""
    (happening,) = happenings
    assert isinstance(happening, Response)
    assert happening.status == 0 or happening.elements
    return not happening.elements


@pytest.mark.parametrize("has_uid", [True, False])
def test_a_success_is_recognised_by_its_bytes_for_every_further_uid(has_uid: bool) -> None:
    requestor = learned(has_uid=has_uid)
    for uid in UIDS[1:]:
        answer = success(asked(requestor, uid), uid if has_uid else "")
        assert is_recognised(requestor.receive(answer))


def test_a_success_is_recognised_across_the_wrap_of_the_message_ids() -> None:
    requestor = learned()
    for number in range(65534):
        message_id = asked(requestor, UIDS[1])
        if number < 65530:
            continue
        assert is_recognised(requestor.receive(success(message_id, UIDS[1])))
    for expected in (1, 2):
        assert asked(requestor, UIDS[2]) == expected
        assert is_recognised(requestor.receive(success(expected, UIDS[2])))


@pytest.mark.parametrize("status", [0x0001, 0x0107, 0x0111, 0x0124, 0xA700, 0xB000, 0xB007, 0xC000])
def test_another_status_is_never_taken_for_the_success(status: int) -> None:
    requestor = learned()
    (happening,) = requestor.receive(success(asked(requestor, UIDS[1]), UIDS[1], status))
    assert isinstance(happening, Response) and happening.status == status
    message_id = asked(requestor, UIDS[2])
    assert is_recognised(requestor.receive(success(message_id, UIDS[2])))


def test_a_warning_is_never_learnt_as_a_success() -> None:
    requestor = accepted_requestor()
    for uid in UIDS:
        (happening,) = requestor.receive(success(asked(requestor, uid), uid, 0xB000))
        assert isinstance(happening, Response) and happening.status == 0xB000


def test_a_success_for_another_message_loses_the_association() -> None:
    for wrong in (-1, 1, 256):
        requestor = learned()
        message_id = asked(requestor, UIDS[1])
        (happening,) = requestor.receive(success(message_id + wrong, UIDS[1]))
        assert isinstance(happening, Broken)


def test_a_success_that_names_another_uid_is_read_not_recognised() -> None:
    requestor = learned()
    assert not is_recognised(requestor.receive(success(asked(requestor, UIDS[1]), UIDS[2])))


def test_an_answer_that_comes_twice_counts_once() -> None:
    requestor = learned()
    message_id = asked(requestor, UIDS[1])
    answer = success(message_id, UIDS[1])
    first, second = requestor.receive(answer + answer)
    assert isinstance(first, Response) and isinstance(second, Broken)
    requestor = learned()
    answer = success(asked(requestor, UIDS[1]), UIDS[1])
    assert is_recognised(requestor.receive(answer))
    (happening,) = requestor.receive(answer)
    assert isinstance(happening, Broken)
    requestor = learned()
    answer = success(asked(requestor, UIDS[1]), UIDS[1])
    assert is_recognised(requestor.receive(answer))
    asked(requestor, UIDS[1])
    (happening,) = requestor.receive(answer)
    assert isinstance(happening, Broken)


@pytest.mark.parametrize("sop_class", [UIDS[0], f"{UIDS[0]}.{UIDS[0]}.5", f"9.{UIDS[0]}"])
def test_a_uid_that_stands_in_the_sop_class_too_is_exchanged_in_its_own_place_only(sop_class: str) -> None:
    requestor = learned(sop_class=sop_class)
    message_id = asked(requestor, UIDS[1])
    assert is_recognised(requestor.receive(success(message_id, UIDS[1], sop_class=sop_class)))
    other = sop_class.replace(UIDS[0], UIDS[2])
    message_id = asked(requestor, UIDS[2])
    assert not is_recognised(requestor.receive(success(message_id, UIDS[2], sop_class=other)))


def test_uids_of_other_lengths_are_read_and_learnt_anew() -> None:
    requestor = learned("1.2.3")
    for uid, expected in (("1.2.345", False), ("1.2.346", True), ("1.2.3456", True), ("1.2.3", False)):
        assert is_recognised(requestor.receive(success(asked(requestor, uid), uid))) is expected


def test_a_success_in_pieces_is_read_and_a_piece_is_never_learnt() -> None:
    for cut in range(1, 90):
        requestor = accepted_requestor()
        for uid in UIDS[:3]:
            whole = success_command(asked(requestor, uid), uid)
            first, second = pdata(1, 1, whole[:cut]), pdata(1, 3, whole[cut:])
            assert requestor.receive(first) == []
            assert not is_recognised(requestor.receive(second))
        last = success_command(asked(requestor, UIDS[3]), UIDS[3])
        for happening in requestor.receive(pdata(1, 3, last[cut:])):
            # Without its first elements a response can still be read.
            assert isinstance(happening, Broken) or not is_recognised([happening])


def test_a_success_with_the_start_of_something_else_behind_it_is_not_learnt() -> None:
    requestor = accepted_requestor()
    extra = pdata(1, 1, b"\0\0")
    (happening,) = requestor.receive(success(asked(requestor, UIDS[0]), UIDS[0]) + extra)
    assert isinstance(happening, Response)
    message_id = asked(requestor, UIDS[1])
    (happening,) = requestor.receive(success(message_id, UIDS[1]) + extra)
    assert isinstance(happening, Broken)


def test_with_something_pending_nothing_is_recognised() -> None:
    requestor = learned()
    answer = success(asked(requestor, UIDS[1]), UIDS[1])
    assert requestor.receive(answer[:5]) == []
    assert not is_recognised(requestor.receive(answer[5:]))


def test_the_success_of_a_store_answers_no_echo() -> None:
    requestor = learned()
    requestor.echo(1, CT)
    (happening,) = requestor.receive(success(2, UIDS[0]))
    assert isinstance(happening, Broken)


@given(st.data())
def test_a_single_byte_that_differs_is_never_recognised_as_a_success(data: st.DataObject) -> None:
    requestor = learned()
    answer = bytearray(success(asked(requestor, UIDS[1]), UIDS[1]))
    place = data.draw(st.integers(0, len(answer) - 1))
    answer[place] ^= data.draw(st.integers(1, 255))
    for happening in requestor.receive(bytes(answer)):
        assert not isinstance(happening, Response) or happening.elements


def test_an_answer_to_no_request_loses_the_association() -> None:
    (happening,) = accepted_requestor().receive(response(1, 0))
    assert isinstance(happening, Broken)


def test_a_response_counts_though_nonsense_follows_it() -> None:
    requestor = accepted_requestor()
    requestor.store(1, CT, "1.2.3")
    first, second = requestor.receive(response(1, 1) + b"nonsense")
    assert isinstance(first, Response) and isinstance(second, Broken)


@given(st.binary(max_size=400), st.sampled_from([1, 2, 3, 4, 5, 6, 7]))
def test_garbage_never_raises(body: bytes, kind: int) -> None:
    for requestor in (Requestor(NODE, PLAN, 0), accepted_requestor()):
        requestor.receive(struct.pack(">BxI", kind, len(body)) + body)


@given(st.data())
def test_a_mutated_acceptance_never_raises(data: st.DataObject) -> None:
    acceptance = bytearray(A_ASSOCIATE_AC(their_primitive(PLAN)).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        acceptance[data.draw(st.integers(6, len(acceptance) - 1))] = data.draw(st.integers(0, 255))
    Requestor(NODE, PLAN, 0).receive(bytes(acceptance))


def test_rejection_abort_and_release_are_told_apart() -> None:
    assert Requestor(NODE, PLAN, 0).receive(b"\3\0\0\0\0\4\0\1\1\7") == [Rejected(1, 1, 7)]
    assert accepted_requestor().receive(ABORT_BY_PROVIDER + RELEASE_REPLY) == [
        Aborted(2, 2),
        Release.CONFIRMED,
    ]


@pytest.mark.parametrize(
    ("triple", "words"),
    [
        ((1, 1, 7), "rejected for good: called AE title not recognised"),
        ((1, 1, 3), "rejected for good: calling AE title not recognised"),
        ((2, 3, 2), "rejected for now: local limit of associations exceeded"),
        ((2, 3, 1), "rejected for now: temporary congestion"),
        ((9, 9, 9), "rejected: source 9, reason 9"),
    ],
)
def test_rejections_are_told_in_words(triple: tuple[int, int, int], words: str) -> None:
    assert pdus.rejection_words(*triple) == words


@pytest.mark.parametrize("max_pdu", [0, 1, 7, 8, 9, 10, 128, 4096, 16384, 16385, 131072, 2**32 - 1])
def test_fragments_are_even_and_fit(max_pdu: int) -> None:
    size = fragment_size(max_pdu)
    assert size % 2 == 0 and 2 <= size <= 128 * 1024
    assert max_pdu in range(1, 8) or not max_pdu or size + 6 <= max_pdu
