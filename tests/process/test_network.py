"""TLS, proxies and certificates, as those who use `requests` expect them."""

from __future__ import annotations

import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_zendesk import Account, FakeZendesk, make_events
from tests.fake_zendesk.http_layer import HttpServer
from tests.support.cli import tap
from tests.support.harness import CLIENT
from tests.support.netrc import netrc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "s3cr3t-access-token"
SETTINGS = {"access_token": TOKEN, "start_date": "2023-11-14", "max_retry_seconds": "0"}
COUNT = 25
HOST = "acme.zendesk.com"
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXY_VARIABLES, *BUNDLE_VARIABLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@dataclass
class Certificate:
    """A certificate that signs itself, made for this test run.

    Args:
        path: The certificate, which is also all that somebody needs to trust it.
        key: Its key.
    """

    path: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context


def a_certificate(folder: Path, names: str) -> Certificate:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    folder.mkdir()
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    extensions = (
        f"subjectAltName={names}",
        "basicConstraints=critical,CA:TRUE",
        "keyUsage=critical,digitalSignature,keyCertSign",
        "extendedKeyUsage=serverAuth",
    )
    added = [word for extension in extensions for word in ("-addext", extension)]
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", "/CN=test server of tap-zendesk-events"),
            *("-out", str(made.path), "-keyout", str(made.key), *added),
        ],
        check=True,
        capture_output=True,
    )
    return made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return a_certificate(tmp_path_factory.mktemp("tls") / "own", f"IP:127.0.0.1,DNS:{HOST}")


@pytest.fixture(scope="module")
def of_another_name(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return a_certificate(tmp_path_factory.mktemp("tls") / "other", "DNS:other.example")


@contextmanager
def served_with_tls(fake: FakeZendesk, certificate: Certificate) -> Iterator[int]:
    """Serve the fake over https on loopback; gives the port."""
    server = HttpServer(fake)
    plain: Any = server._server
    plain.socket = certificate.context().wrap_socket(plain.socket, server_side=True)
    port: int = plain.server_address[1]
    with server:
        yield port


@pytest.fixture
def fake() -> FakeZendesk:
    return FakeZendesk(Account(make_events(COUNT, seed=5)), access_tokens=[TOKEN])


@pytest.fixture
def port(fake: FakeZendesk, certificate: Certificate) -> Iterator[int]:
    with served_with_tls(fake, certificate) as port:
        yield port


def refused(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "| ERROR" in line]
    assert len(errors) == 1, done.stderr
    assert words in errors[0]
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stderr
    assert "RECORD" not in done.stdout


UNTRUSTED = "the certificate of 127.0.0.1:{port} cannot be verified"


@pytest.mark.parametrize("switch", ["", "PYTHONHTTPSVERIFY"])
def test_a_certificate_that_nobody_trusts_is_refused(
    switch: str, fake: FakeZendesk, port: int
) -> None:
    variables = {switch: "0"} if switch else {}
    settings = {"api_url": f"https://127.0.0.1:{port}", **SETTINGS}
    done = tap(settings=settings, variables=variables)
    refused(done, UNTRUSTED.format(port=port))
    assert "REQUESTS_CA_BUNDLE" in done.stderr
    assert fake.log == []


def test_the_credentials_of_a_netrc_are_not_used_over_https_either(
    port: int, fake: FakeZendesk, certificate: Certificate, tmp_path: Path
) -> None:
    for way in ({"access_token": TOKEN}, CLIENT):
        fake.log.clear()
        done = tap(
            settings={"api_url": f"https://127.0.0.1:{port}", **way, "start_date": "2023-11-14"},
            REQUESTS_CA_BUNDLE=str(certificate.path),
            NETRC=netrc(tmp_path, "default"),
            HOME=str(tmp_path),
        )
        assert done.returncode == 0, done.stderr
        assert len(fake.log) >= 1
        assert not any((logged.authorization or "").startswith("Basic") for logged in fake.log)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_ones_own_certificates_are_trusted(
    variable: str, port: int, certificate: Certificate
) -> None:
    settings = {"api_url": f"https://127.0.0.1:{port}", **SETTINGS}
    done = tap(settings=settings, variables={variable: str(certificate.path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"type":"RECORD"') == COUNT


def test_a_trusted_certificate_of_another_name_is_refused(
    fake: FakeZendesk, of_another_name: Certificate
) -> None:
    with served_with_tls(fake, of_another_name) as port:
        done = tap(
            settings={"api_url": f"https://127.0.0.1:{port}", **SETTINGS},
            REQUESTS_CA_BUNDLE=str(of_another_name.path),
        )
    refused(done, UNTRUSTED.format(port=port))
    assert fake.log == []


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_that_cannot_be_read_is_a_sentence(
    content: str | None, port: int, fake: FakeZendesk, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    settings = {"api_url": f"https://127.0.0.1:{port}", **SETTINGS}
    refused(tap(settings=settings, REQUESTS_CA_BUNDLE=str(bundle)), "REQUESTS_CA_BUNDLE")
    assert fake.log == []


@dataclass
class Proxy:
    """A proxy that tunnels every CONNECT to one port of this machine.

    Args:
        target: The port.
        seen: What it has read of each request: all that a proxy learns.
    """

    target: int
    seen: list[str] = field(default_factory=list)

    @contextmanager
    def serve(self) -> Iterator[int]:
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                lines = []
                while (line := self.rfile.readline()).strip():
                    lines.append(line.decode())
                proxy.seen.append("".join(lines))
                if not lines or not lines[0].startswith("CONNECT "):
                    self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
                    return
                with socket.create_connection(("127.0.0.1", proxy.target)) as server:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = threading.Thread(target=pump, args=(server, self.connection))
                    back.start()
                    pump(self.connection, server)
                    back.join(10)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()
                thread.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass bytes on until one side ends."""
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        """The other side was faster."""


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_is_used_and_sees_the_host_only(
    variable: str, port: int, fake: FakeZendesk, certificate: Certificate
) -> None:
    proxy = Proxy(port)
    with proxy.serve() as proxy_port:
        done = tap(
            settings={"subdomain": "acme", **SETTINGS, "page_size": "10"},
            REQUESTS_CA_BUNDLE=str(certificate.path),
            variables={variable: f"http://me:pr0xy-s3cret@127.0.0.1:{proxy_port}"},
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"type":"RECORD"') == COUNT
    assert proxy.seen
    for request in proxy.seen:
        assert request.startswith(f"CONNECT {HOST}:443 HTTP/1.")
        assert TOKEN not in request
        assert "Bearer" not in request
        assert "incremental" not in request
    for logged in fake.log:
        assert logged.authorization == f"Bearer {TOKEN}"
        assert "proxy-authorization" not in logged.headers
    assert "pr0xy-s3cret" not in done.stderr


def test_a_proxy_that_puts_in_its_own_certificate_gets_no_credentials(
    port: int, fake: FakeZendesk
) -> None:
    with Proxy(port).serve() as proxy_port:
        done = tap(
            settings={"subdomain": "acme", **SETTINGS},
            HTTPS_PROXY=f"http://127.0.0.1:{proxy_port}",
        )
    refused(done, f"the certificate of {HOST} cannot be verified")
    assert "a proxy of your company" in done.stderr
    assert fake.log == []


def test_hosts_that_need_no_proxy_are_asked_directly(port: int, certificate: Certificate) -> None:
    with Proxy(1).serve() as proxy_port:
        done = tap(
            settings={"api_url": f"https://127.0.0.1:{port}", **SETTINGS},
            REQUESTS_CA_BUNDLE=str(certificate.path),
            HTTPS_PROXY=f"http://127.0.0.1:{proxy_port}",
            NO_PROXY="127.0.0.1",
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"type":"RECORD"') == COUNT


def test_a_proxy_that_is_not_there_is_a_sentence() -> None:
    done = tap(settings={"subdomain": "acme", **SETTINGS}, HTTPS_PROXY="http://127.0.0.1:9")
    refused(done, "the proxy does not answer")


def test_a_server_that_speaks_no_tls_is_a_sentence() -> None:
    with FakeZendesk(Account(make_events(3)), access_tokens=[TOKEN]).serve() as url:
        done = tap(settings={"api_url": url.replace("http:", "https:"), **SETTINGS})
    assert done.returncode == 1
    refused(done, "127.0.0.1")
