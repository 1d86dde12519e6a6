"""The one way in which the server fetches anything from elsewhere: code hosts, trackers, key sets, webhooks.

Addresses come from people who may not see our network, so a name is looked up once, every address
that it has is checked, and the connection goes to a checked one: what a second look-up would say
does not matter. Redirects are answers like any other, proxies of the environment are not asked.
Never call this inside a database transaction.
"""

import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from types import MappingProxyType, TracebackType
from typing import Any, NoReturn, Self

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

CONNECT_SECONDS = 10.0  # for one address; all of it within the caller's time
CHUNK = 64 * 1024
MAX_URL = 4_000
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
AGAIN = frozenset({408, 425, 429})  # beside 5xx: what may be different later

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SocketAddress = tuple[socket.AddressFamily, tuple[Any, ...]]

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<target>/[A-Za-z0-9._~:/@!$&'()*+,;=%\[\]-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]*)?"
)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")

# Listed by name, a host may be in these: the networks of one's own house.
_PRIVATE = [
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
        "::1/128", "fc00::/7",
    )
]  # fmt: skip
# Never by name, only if the network itself is listed: addresses that mean the machine or its cloud,
# many machines, or another address written differently. Python calls some of them global.
_SPECIAL = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128",
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32",
        "2002::/16", "fe80::/10", "fec0::/10", "ff00::/8",
    )
]  # fmt: skip
_LOOPBACK6 = ipaddress.ip_address("::1")  # inside ::/96, but a network of one's own


class HostError(Exception):
    """A host could not be asked, or its answer cannot be used. ``str(error)`` is a sentence without secrets.

    ``final``: asking again later does not help. ``retry_after``: seconds that the host asked for.
    """

    def __init__(
        self, sentence: str, *, retry_after: float | None = None, final: bool = False
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.retry_after = retry_after
        self.final = final


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. Header names in small letters; the body is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the JSON of the body. Raises HostError if it is none."""
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise HostError("The host's answer is not JSON.", final=True) from None

    def error(self, host: str, at: datetime | None = None) -> HostError:
        """Return what a status that is of no use means: final, or to be asked again and when."""
        wait = _seconds(self.headers.get("retry-after", ""), at or datetime.now(UTC))
        final = wait is None and self.status not in AGAIN and self.status < 500
        return HostError(f"{host} answered {self.status}.", retry_after=wait, final=final)


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
    body: bytes | None = None,
    limit: int = 32 * 1024 * 1024,
    timeout: float = 30.0,
    cut: bool = False,
) -> Reply:
    """Ask ``url`` and return the answer, redirects and errors of the host included.

    ``timeout``: seconds for all of it; ``limit``: bytes of the unpacked answer. ``cut``: for who needs
    little but the status: the body as it came, not unpacked, and no more of it than the limit.
    Raises HostError for an address that is not allowed (final), no connection or no time left (not
    final), a certificate that does not fit or an answer over the limit (final).
    """
    target = _Target.of(url)
    sent = _checked_headers(method, headers)
    with _Deadline(timeout, target.host) as deadline:
        addresses = _checked_addresses(target)
        deadline.check()
        kind = _Safe if target.scheme == "https" else _Plain
        connection = kind(target, addresses, deadline)
        try:
            connection.request(
                method, target.path, body=body, headers=sent,
                preload_content=False, decode_content=not cut,
            )  # fmt: skip
            read = _read_some if cut else _read
            reply = read(connection.getresponse(), limit, target.host)
        except (HTTPError, HTTPException, OSError) as error:
            deadline.check()
            raise _as_host_error(error, target.host) from None
        finally:
            connection.close()
        deadline.check()  # an answer without a length ends as well where it was cut off
        return reply


def check_address(url: str) -> None:
    """Raise HostError where an address is none that is asked, as far as its words tell."""
    _Target.of(url)


# --- the address ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Target:
    """An address that is allowed as far as its words go."""

    scheme: str
    host: str  # small letters, IPv6 in brackets
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "_Target":
        """Read an address. Raises HostError; never repeats what may hold a password."""
        match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
        if match is None:
            raise HostError(
                "The address is not one that is fetched: https://HOST[:PORT][/PATH][?QUERY] in ASCII, "
                "without user name, fragment or backslash.",
                final=True,
            )
        scheme, host = match["scheme"], match["host"].lower()
        port = int(match["port"] or (443 if scheme == "https" else 80))
        if not 0 < port < 65_536:
            raise HostError(f"{host} has no port {port}.", final=True)
        target = cls(scheme, host, port, (match["target"] or "/") + (match["query"] or ""))
        if scheme != "https" and not target.is_in(settings.OUTBOUND_PLAIN_HOSTS):
            raise HostError(f"{host} is fetched by https:// only.", final=True)
        return target

    def is_in(self, hosts: Sequence[str]) -> bool:
        """Whether HOST or HOST:PORT is listed."""
        names = {entry.strip().lower() for entry in hosts}
        return not names.isdisjoint({self.host, f"{self.host}:{self.port}"})


def _resolve(host: str, port: int) -> list[SocketAddress]:
    """Look a name up, once. Raises HostError."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HostError(f"The name {host} is not known.") from None
    return list(dict.fromkeys((row[0], row[4]) for row in found))


def _checked_addresses(target: _Target) -> list[SocketAddress]:
    """Return where the host is. Raises HostError if any of its addresses is not to be asked."""
    listed = [*settings.OUTBOUND_PRIVATE_HOSTS, *settings.OUTBOUND_PLAIN_HOSTS]
    networks = [network for entry in listed if (network := _network(entry))]
    found = _resolve(target.host, target.port)
    for _, address in found:
        ip = ipaddress.ip_address(str(address[0]))
        if not _may_be_asked(ip, networks, target.is_in(listed)):
            raise HostError(
                f"{target.host} has an address that is not asked from here: a private or special one.",
                final=True,
            )
    return found


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry.strip())
    except ValueError:  # a name
        return None


def _may_be_asked(ip: Address, networks: Sequence[Network], named: bool) -> bool:
    if any(ip in network for network in networks):
        return True
    if ip != _LOOPBACK6 and any(ip in network for network in _SPECIAL):
        return False
    return ip.is_global or (named and any(ip in network for network in _PRIVATE))


def _checked_headers(method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers to send. A value that cannot be sent is not repeated: it may be a secret."""
    if not _TOKEN.fullmatch(method):
        raise HostError("The method is no word.", final=True)
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HostError("A header holds characters that cannot be sent.", final=True)
    ours = {"User-Agent": "ctem", "Accept-Encoding": "gzip"}
    given = {name.lower() for name in headers}
    return {**{name: v for name, v in ours.items() if name.lower() not in given}, **headers}


# --- the connection ------------------------------------------------------------------------------
class _Deadline:
    """Cuts the connection when the time is over, whatever waits on it: a slow drip as well."""

    def __init__(self, seconds: float, host: str) -> None:
        self.host, self.seconds = host, seconds
        self._end = time.monotonic() + seconds
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._watched is not None:
            self._watched.close()

    def left(self) -> float:
        """Return the seconds left. Raises HostError where there are none."""
        self.check()
        return self._end - time.monotonic()

    def check(self) -> None:
        if time.monotonic() >= self._end:
            raise HostError(f"{self.host} did not answer within {self.seconds:g} seconds.")

    def watch(self, connected: socket.socket) -> None:
        """Cut this one. A second handle on it: TLS takes the first one over while it shakes hands."""
        self._watched = connected.dup()

    def _cut(self) -> None:
        if self._watched is not None:
            with suppress(OSError):
                self._watched.shutdown(socket.SHUT_RDWR)


class _Pinned(HTTPConnection):
    """A connection to an address that was checked; name and certificate stay those of the host."""

    def __init__(
        self, target: _Target, addresses: Sequence[SocketAddress], deadline: _Deadline
    ) -> None:
        super().__init__(target.host.strip("[]"), target.port, timeout=deadline.seconds)
        self.addresses, self.deadline = addresses, deadline

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers. Raises the last OSError, or HostError."""
        failure = OSError("no address")
        for family, address in self.addresses:
            connected = socket.socket(family, socket.SOCK_STREAM)
            try:
                connected.settimeout(min(CONNECT_SECONDS, self.deadline.left()))
                connected.connect(address)
                connected.settimeout(self.deadline.left())
            except (OSError, HostError) as error:
                connected.close()
                if isinstance(error, HostError):
                    raise
                failure = error
            else:
                self.deadline.watch(connected)
                return connected
        raise failure


class _Plain(_Pinned):
    """Without TLS: to hosts that the operator lists."""


class _Safe(_Pinned, HTTPSConnection):
    """With TLS, and the certificate checked against the machine's own authorities."""


def _read(response: BaseHTTPResponse, limit: int, host: str) -> Reply:
    """Read the answer up to the limit, counted as it is unpacked. Raises HostError beyond it."""
    headers = _headers(response)
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise HostError(f"{host} answered in an encoding that nobody asked for.", final=True)
    body = bytearray()
    for chunk in response.stream(CHUNK, decode_content=True):
        body += chunk
        if len(body) > limit:
            raise HostError(f"{host} answered more than allowed (> {limit} bytes).", final=True)
    return Reply(response.status, headers, bytes(body))


def _read_some(response: BaseHTTPResponse, limit: int, host: str) -> Reply:
    """Read no more of the answer than the limit, packed as it may be."""
    body = bytearray()
    for chunk in response.stream(CHUNK, decode_content=False):
        body += chunk[: limit - len(body)]
        if len(body) >= limit:
            break
    return Reply(response.status, _headers(response), bytes(body))


def _headers(response: BaseHTTPResponse) -> dict[str, str]:
    return {name.lower(): response.headers[name] for name in response.headers}  # joined by ", "


def _as_host_error(error: Exception, host: str) -> HostError:
    """Say in our own words what went wrong: those of libraries may repeat what was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return HostError(f"{host} does not show a certificate that is good for it.", final=True)
    if isinstance(error, TimeoutError):
        return HostError(f"{host} did not answer in time.")
    if isinstance(error, ConnectionRefusedError):
        return HostError(f"{host} does not take connections.")
    return HostError(f"The connection to {host} broke off, or was not HTTP.")


# --- small readings ------------------------------------------------------------------------------
def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _seconds(retry_after: str, at: datetime) -> float | None:
    """Read ``Retry-After``: seconds, or a date of HTTP."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - at).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return None
