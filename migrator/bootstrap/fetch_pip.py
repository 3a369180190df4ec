"""Fetching the pinned wheel of pip from the package index, for a Python that comes without any pip."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

from migrator.bootstrap import SetupError, trouble

_SECONDS = 30


def fetch_pip(lock: Path, folder: Path) -> Path:
    """Download the wheel that `lock` pins into `folder`, and check its hash. Raises SetupError.

    Without pip there is no reader of its configuration files: its environment variables are honoured
    (PIP_INDEX_URL, PIP_CERT, PIP_PROXY), and those that all programs know (HTTPS_PROXY, SSL_CERT_FILE).
    """
    text = lock.read_text("utf-8")
    match = re.search(r"^pip==(\S+)", text, re.MULTILINE)
    if match is None:
        raise SetupError(f"{lock} is damaged: it pins no pip")
    name = f"pip-{match[1]}-py3-none-any.whl"
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    try:
        opener = _opener()
        wheel = _download(opener, urljoin(index, _address(opener, index, name)))
    except (urllib.error.URLError, OSError) as error:
        raise SetupError(trouble.no_pip(f"(fetching one failed too: {error})")) from error
    if hashlib.sha256(wheel).hexdigest() not in text:
        raise SetupError(f"{name} from the package index is not the file that requirements/pip.lock names")
    target = folder / name
    target.write_bytes(wheel)
    return target


def _address(opener: urllib.request.OpenerDirector, index: str, name: str) -> str:
    page = _download(opener, index).decode("utf-8", "replace")
    link = re.search(r'href="([^"#]*' + re.escape(name) + r')[#"]', page)
    if link is None:
        raise OSError(f"the index has no {name}")
    return link[1]


def _opener() -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    proxy = os.environ.get("PIP_PROXY")
    proxies = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    return urllib.request.build_opener(proxies, urllib.request.HTTPSHandler(context=context))


def _download(opener: urllib.request.OpenerDirector, address: str) -> bytes:
    with opener.open(address, timeout=_SECONDS) as answer:
        content: bytes = answer.read()
    return content
