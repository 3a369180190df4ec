"""Real peers on the loopback interface, as plain context managers: each has a `node` and its own storage.

    with Orthanc() as peer:
        send_to(peer.node)
        assert peer.count() == 3

Nothing here imports pytest, so that other programs can use them. A peer whose program is not installed
raises MissingPeer.
"""

from tests.peers.dcmqrscp import Dcmqrscp
from tests.peers.keeping import KeepingScp, Kept, Manners, hold
from tests.peers.orthanc import Orthanc
from tests.peers.processes import MissingPeer, free_port, wait_until
from tests.peers.scripted import ScriptedPacs
from tests.peers.scripted_rules import Act, Arrived, Greeting, Known, Proposal, Rule, Script
from tests.peers.storescp import Storescp

__all__ = [
    "Act",
    "Arrived",
    "Dcmqrscp",
    "Greeting",
    "KeepingScp",
    "Kept",
    "Known",
    "Manners",
    "MissingPeer",
    "Orthanc",
    "Proposal",
    "Rule",
    "Script",
    "ScriptedPacs",
    "Storescp",
    "free_port",
    "hold",
    "wait_until",
]
