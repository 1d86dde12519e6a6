"""What the server fetches: only what it may, from the address that was checked, within bounds."""

import gzip
import json
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from core import outbound
from core.outbound import HostError, Reply, fetch
from tests.loopback import serving, talking

SECRET = "glpat-canary-5d1f0c"


@pytest.fixture
def server(settings):
    with serving() as server:
        settings.OUTBOUND_PLAIN_HOSTS = [server.host]
        settings.OUTBOUND_PRIVATE_HOSTS = []
        yield server


# --- asking and answering ------------------------------------------------------------------------
def test_an_answer_comes_with_status_small_header_names_and_body(server):
    server.answers["/a?b=c"] = 201, {"X-Total": "7"}, b'{"ok": true}'
    reply = fetch(
        "POST", f"{server.url}/a?b=c", headers={"Authorization": f"Bearer {SECRET}"}, body=b"in"
    )
    assert (reply.status, reply.headers["x-total"], reply.json()) == (201, "7", {"ok": True})
    (asked,) = server.requests
    assert (asked.method, asked.body) == ("POST", b"in")
    assert asked.headers["host"] == server.host
    assert asked.headers["authorization"] == f"Bearer {SECRET}"


def give_links(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 204 No Content\r\nLink: <a>\r\nLink: <b>\r\n\r\n")


def test_a_header_that_comes_twice_is_joined(settings):
    with talking(give_links) as port:
        settings.OUTBOUND_PLAIN_HOSTS = [f"127.0.0.1:{port}"]
        reply = fetch("GET", f"http://127.0.0.1:{port}/")
    assert (reply.status, reply.headers["link"], reply.body) == (204, "<a>, <b>", b"")


def test_a_redirect_is_an_answer_and_is_not_followed(server):
    server.answers["/old"] = 302, {"Location": f"{server.url}/new"}, b""
    reply = fetch("GET", f"{server.url}/old")
    assert reply.status == 302
    assert reply.headers["location"].endswith("/new")
    assert [asked.path for asked in server.requests] == ["/old"]


def test_a_proxy_of_the_environment_is_not_asked(server, monkeypatch):
    with serving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert fetch("GET", f"{server.url}/").status == 404
        assert not proxy.requests


@pytest.mark.parametrize(
    ("status", "headers", "final", "wait"),
    [
        (500, {}, False, None),
        (503, {"retry-after": "30"}, False, 30.0),
        (429, {"retry-after": "Mon, 05 Jan 2026 10:00:20 GMT"}, False, 20.0),
        (429, {"retry-after": "soon"}, False, None),
        (403, {"retry-after": "60"}, False, 60.0),
        (403, {}, True, None),
        (404, {}, True, None),
    ],
)
def test_a_status_says_whether_to_ask_again_and_when(status, headers, final, wait):
    at = datetime(2026, 1, 5, 10, 0, 0, tzinfo=UTC)
    error = Reply(status, headers, b"").error("git.example", at)
    assert (error.final, error.retry_after) == (final, wait)
    assert error.sentence == f"git.example answered {status}."


@pytest.mark.parametrize("body", [b"<html>", b'{"a": NaN}', b"[" * 100_000, b"\xff", b"9" * 5000])
def test_an_answer_that_is_no_json_is_a_sentence(body):
    with pytest.raises(HostError, match="is not JSON") as caught:
        Reply(200, {}, body).json()
    assert caught.value.final


# --- bounds --------------------------------------------------------------------------------------
def test_an_answer_over_the_limit_is_refused_for_good(server):
    server.answers["/"] = 200, {}, b"x" * 1001
    assert len(fetch("GET", f"{server.url}/", limit=1001).body) == 1001
    with pytest.raises(HostError, match="more than allowed") as caught:
        fetch("GET", f"{server.url}/", limit=1000)
    assert caught.value.final


def test_gzip_is_unpacked_up_to_the_limit_and_no_further(server):
    packed = zlib.compressobj(wbits=31)
    bomb = b"".join(packed.compress(bytes(1 << 20)) for _ in range(512)) + packed.flush()
    server.answers["/"] = 200, {"Content-Encoding": "gzip"}, gzip.compress(b"plain" * 100)
    server.answers["/bomb"] = 200, {"Content-Encoding": "gzip"}, bomb
    assert fetch("GET", f"{server.url}/").body == b"plain" * 100
    tracemalloc.start()
    try:
        with pytest.raises(HostError, match="more than allowed"):
            fetch("GET", f"{server.url}/bomb", limit=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_who_needs_the_status_alone_reads_no_more_than_the_limit_and_unpacks_nothing(server):
    packed = gzip.compress(bytes(1 << 20))
    server.answers["/"] = 200, {}, b"x" * (4 << 20)
    server.answers["/packed"] = 200, {"Content-Encoding": "gzip"}, packed
    server.answers["/other"] = 200, {"Content-Encoding": "br"}, b"brotli"
    assert fetch("GET", f"{server.url}/", limit=1000, cut=True).body == b"x" * 1000
    assert fetch("GET", f"{server.url}/packed", limit=1 << 20, cut=True).body == packed
    reply = fetch("GET", f"{server.url}/other", cut=True)
    assert (reply.status, reply.body) == (200, b"brotli")


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
def test_an_encoding_that_nobody_asked_for_is_refused(server, encoding):
    server.answers["/"] = 200, {"Content-Encoding": encoding}, b"x"
    with pytest.raises(HostError, match="encoding"):
        fetch("GET", f"{server.url}/")


def drip_headers(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(400):
        connection.sendall(b"X-%d: y\r\n" % number)
        time.sleep(0.05)


def drip_body(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")  # without a length: its end is the end
    for _ in range(400):
        connection.sendall(b"x")
        time.sleep(0.05)


def say_nothing(connection: socket.socket) -> None:
    connection.recv(4096)
    time.sleep(20)


@pytest.mark.parametrize("script", [drip_headers, drip_body, say_nothing])
def test_the_time_holds_for_all_of_it_also_for_a_slow_drip(settings, script):
    with talking(script) as port:
        settings.OUTBOUND_PLAIN_HOSTS = [f"127.0.0.1:{port}"]
        began = time.monotonic()
        with pytest.raises(HostError, match=r"did not answer within 0\.4 seconds") as caught:
            fetch("GET", f"http://127.0.0.1:{port}/", timeout=0.4)
    assert not caught.value.final
    assert time.monotonic() - began < 5


def test_the_time_holds_while_tls_shakes_hands(settings):
    with talking(say_nothing) as port:
        settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1"]
        began = time.monotonic()
        with pytest.raises(HostError, match="did not answer within") as caught:
            fetch("GET", f"https://127.0.0.1:{port}/", timeout=0.4)
    assert not caught.value.final
    assert time.monotonic() - began < 5


def hang_up(connection: socket.socket) -> None:
    connection.recv(4096)


def no_http(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example ESMTP\r\n")
    connection.recv(4096)


def half(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


@pytest.mark.parametrize("script", [hang_up, no_http, half])
def test_a_connection_that_breaks_off_is_asked_again_later(settings, script):
    with talking(script) as port:
        settings.OUTBOUND_PLAIN_HOSTS = [f"127.0.0.1:{port}"]
        with pytest.raises(HostError, match="broke off, or was not HTTP") as caught:
            fetch("GET", f"http://127.0.0.1:{port}/")
    assert not caught.value.final


def test_nobody_there_and_an_unknown_name_are_asked_again_later(settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.OUTBOUND_PLAIN_HOSTS = [f"127.0.0.1:{port}"]
    with pytest.raises(HostError, match="does not take connections") as caught:
        fetch("GET", f"http://127.0.0.1:{port}/")
    assert not caught.value.final
    with pytest.raises(HostError, match="name nowhere") as caught:
        fetch("GET", "https://nowhere.invalid/")
    assert not caught.value.final


@pytest.mark.parametrize("value", [f"{SECRET}\r\nX: y", f"{SECRET}\0", f"{SECRET}é", f"{SECRET}✓"])
def test_a_header_that_cannot_be_sent_is_refused_without_repeating_it(server, value):
    with pytest.raises(HostError) as caught:
        fetch("GET", f"{server.url}/", headers={"Authorization": value})
    assert caught.value.final
    assert SECRET not in str(caught.value) and SECRET not in repr(caught.value.__context__)
    assert not server.requests


# --- where to: T15 -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_x",
        "ftp://127.0.0.1:{port}/",
        "HTTPS://127.0.0.1:{port}/",
        "https://user@127.0.0.1:{port}/",
        "https://user:pw@127.0.0.1:{port}/",
        "https://example.org\\@127.0.0.1:{port}/",
        "https://127.0.0.1:{port}\\@example.org/",
        "https://example.org#@127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/#part",
        "https://127.0.0.1:{port}/a b",
        "https://127.0.0.1:{port}/\r\nX: y",
        "https://127.0.0.1:{port}/\x00",
        "https://127.0.0.1:{port}/é",
        "https://①②⑦.⓪.⓪.①:{port}/",
        "https://127。0。0。1:{port}/",
        "https://127.0.0.1.:{port}/",
        "https://127.0.0.1:0/",
        "https://127.0.0.1:65536/",
        "https://[fe80::1%25eth0]:{port}/",
        "https:///path",
        "//127.0.0.1:{port}/",
        " https://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/\n",
        "http://127.0.0.1:{port}/",  # not listed: https only
        "https://127.0.0.1:{port}/",
        "https://localhost:{port}/",
        "https://2130706433:{port}/",
        "https://0x7f000001:{port}/",
        "https://0177.0.0.1:{port}/",
        "https://127.1:{port}/",
        "https://0:{port}/",
        "https://0.0.0.0:{port}/",
        "https://[::1]:{port}/",
        "https://[::]:{port}/",
        "https://[::127.0.0.1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://[64:ff9b::7f00:1]:{port}/",
        "https://[2002:7f00:1::]:{port}/",
    ],
)
def test_no_spelling_of_this_machine_is_asked(settings, url):
    settings.OUTBOUND_PLAIN_HOSTS = settings.OUTBOUND_PRIVATE_HOSTS = []
    arrived = []
    with talking(lambda connection: arrived.append(connection)) as port:
        with pytest.raises(HostError) as caught:
            fetch("GET", url.format(port=port), timeout=3)
        time.sleep(0.02)
    assert caught.value.final
    assert not arrived


REFUSED = """
    0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 127.0.0.1 169.254.169.254 192.0.0.8 192.0.0.192
    192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    100.100.100.200 168.63.129.16 192.88.99.1
    :: ::1 ::127.0.0.1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1
    100::1 2001::1 2001:db8::1 2002:a9fe:a9fe:: fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 ff0e::1
""".split()
PUBLIC = ["93.184.215.14", "140.82.121.4", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


@pytest.mark.parametrize("address", REFUSED)
def test_a_private_or_special_address_is_not_asked(address):
    assert not outbound._may_be_asked(ip_address(address), [], named=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_asked(address):
    assert outbound._may_be_asked(ip_address(address), [], named=False)


def test_a_host_that_is_listed_by_name_may_be_private_but_not_special():
    named = {a for a in REFUSED if outbound._may_be_asked(ip_address(a), [], named=True)}
    assert named == {
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "::1", "fc00::1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.0/8"], True),
        (["localhost"], True),
        (["LOCALHOST:{port}"], True),
        (["localhost:1"], False),
        (["10.0.0.0/8"], False),
        (["host"], False),
    ],
)
def test_private_hosts_are_listed_by_name_port_or_network(settings, listed, allowed):
    settings.OUTBOUND_PLAIN_HOSTS = []
    with talking(hang_up) as port:
        settings.OUTBOUND_PRIVATE_HOSTS = [entry.format(port=port) for entry in listed]
        with pytest.raises(HostError) as caught:
            fetch("GET", f"https://localhost:{port}/", timeout=3)
        assert ("is not asked from here" not in str(caught.value)) is allowed
        with pytest.raises(HostError, match="by https"):  # private is not plain
            fetch("GET", f"http://localhost:{port}/", timeout=3)


def test_one_private_address_among_public_ones_is_enough_to_refuse(settings, monkeypatch):
    settings.OUTBOUND_PLAIN_HOSTS = settings.OUTBOUND_PRIVATE_HOSTS = []
    rows = [
        (socket.AF_INET, ("93.184.215.14", 443)),
        (socket.AF_INET6, ("::1", 443, 0, 0)),
    ]
    monkeypatch.setattr(outbound, "_resolve", lambda host, port: rows)
    with pytest.raises(HostError, match="is not asked from here"):
        fetch("GET", "https://mixed.example/", timeout=3)


# --- rebinding: T16 ------------------------------------------------------------------------------
def test_a_name_that_means_another_machine_a_moment_later_reaches_the_checked_one(
    settings, monkeypatch
):
    real, looked_up = socket.getaddrinfo, []

    def rebinding(host, *rest, **named):
        if host != "rebind.example":
            return real(host, *rest, **named)
        looked_up.append(host)
        return real("127.0.0.2" if len(looked_up) == 1 else "127.0.0.1", *rest, **named)

    with serving("127.0.0.2") as checked, serving("127.0.0.1") as inner:
        settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.2/32"]
        settings.OUTBOUND_PLAIN_HOSTS = [f"rebind.example:{checked.port}"]
        checked.answers["/"] = 200, {}, b"checked"
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        reply = fetch("GET", f"http://rebind.example:{checked.port}/")
        assert reply.body == b"checked"
        assert looked_up == ["rebind.example"]
        assert checked.requests[0].headers["host"] == f"rebind.example:{checked.port}"
        assert not inner.requests


# --- certificates --------------------------------------------------------------------------------
def certificate(folder, name: str) -> ssl.SSLContext:
    """A certificate for ``name`` that is its own authority, written to ``folder``/ca.pem."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "server.pem").write_bytes(secret + made.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def test_the_certificate_and_the_name_asked_for_are_those_of_the_host(
    settings, tmp_path, monkeypatch
):
    tls, asked = certificate(tmp_path, "git.example"), []
    tls.sni_callback = lambda connection, name, context: asked.append(name)
    with serving(tls=tls) as server:
        settings.OUTBOUND_PLAIN_HOSTS = []
        settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1/32"]
        at = [(socket.AF_INET, ("127.0.0.1", server.port))]
        monkeypatch.setattr(outbound, "_resolve", lambda host, port: at)
        with pytest.raises(HostError, match="certificate") as caught:  # not an authority of ours
            fetch("GET", f"https://git.example:{server.port}/")
        assert caught.value.final
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        server.answers["/"] = 200, {}, json.dumps({"safe": True}).encode()
        reply = fetch("GET", f"https://git.example:{server.port}/")
        assert reply.json() == {"safe": True}
        assert asked == ["git.example", "git.example"]
        assert server.requests[0].headers["host"] == f"git.example:{server.port}"
        with pytest.raises(HostError, match="certificate"):  # good, but for another name
            fetch("GET", f"https://other.example:{server.port}/")


def test_many_at_once_do_not_disturb_each_other_and_leave_no_thread(server):
    server.answers["/"] = 200, {}, b"x"
    before = threading.active_count()
    got = []
    workers = [
        threading.Thread(target=lambda: got.append(fetch("GET", f"{server.url}/").body))
        for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert got == [b"x"] * 8
    time.sleep(0.1)
    assert threading.active_count() <= before
