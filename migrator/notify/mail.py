"""A message as an e-mail: plain text and HTML, and headers that tell no more than they must."""

from __future__ import annotations

from collections.abc import Sequence
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from migrator import __version__
from migrator.notify.message import STATES, Message, facts, one_line, plain, rate_words

_NAME = "DICOM PACS Migrator"
_POLICY = policy.SMTP.clone(cte_type="7bit")  # also a server without 8BITMIME takes it (RFC 6152)


def compose(message: Message, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """The e-mail from `sender` to these, as it is sent; its Message-ID is new."""
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = one_line(message.subject)
    mail["From"] = Address(_NAME, addr_spec=sender)
    mail["To"] = tuple(Address(addr_spec=one) for one in recipients)
    mail["Date"] = formatdate(message.at, localtime=True)
    # Its domain would else be the name of this machine.
    mail["Message-ID"] = make_msgid("dicom-migrator", sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers
    mail.set_content(plain(message))
    mail.add_alternative(page(message), subtype="html")
    return mail


def page(message: Message) -> str:
    """The message as HTML that mail programs show: tables, and styles that stand with what they style."""
    return _template().render(
        message=message,
        facts=facts(message),
        states=[state for state in STATES if _is_shown(state, message)],
        version=__version__,
        rate_words=rate_words,
    )


def _is_shown(state: str, message: Message) -> bool:
    ledgers = [ledger for part in message.parts for ledger in (part.run, part.job)]
    return state in ("sent", "failed") or any(ledger.get(state) for ledger in ledgers)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("migrator.notify", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment.get_template("mail.html")
