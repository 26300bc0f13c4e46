"""Google Cloud Storage in memory, for `gs://` paths of any process on this machine: TensorFlow's, TFX's and Beam's.

It is an HTTPS proxy that answers itself for the hosts of Google's storage, with the part of their JSON and XML APIs
that TensorFlow's C++ client and Beam's google-cloud-storage use, and refuses all others: nothing leaves the machine.
Clients find it by environment variables. It runs in a process of its own, since TensorFlow holds Python's lock while it
waits for some of the answers.
"""

import base64
import contextlib
import datetime
import email
import hashlib
import itertools
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HOSTS = ("www.googleapis.com", "storage.googleapis.com", "oauth2.googleapis.com")
_JSON_API = "/storage/v1/b/"


class _Storage:
    """The stored objects, and what is being uploaded."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self._times: dict[str, tuple[int, str]] = {}
        self._generations = itertools.count(1)
        self._uploads: dict[str, tuple[str, bytes]] = {}

    def names(self, prefix: str = "") -> list[str]:
        """`bucket/name` of the objects that begin so, sorted."""
        with self.lock:
            return sorted(name for name in self.objects if name.startswith(prefix))

    def put(self, key: str, content: bytes) -> dict:
        """Stores an object; returns its description."""
        with self.lock:
            self.objects[key] = content
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self._times[key] = next(self._generations), now
        return self.described(key)

    def described(self, key: str) -> dict:
        """An object as the JSON API describes it."""
        bucket, _, name = key.partition("/")
        generation, updated = self._times[key]
        content = self.objects[key]
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "size": str(len(content)),
            "generation": str(generation),
            "updated": updated,
            "timeCreated": updated,
            "etag": f"e{generation}",
            "crc32c": base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode(),
            "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
        }

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict, bytes]:
        """Status, headers and body of the answer to a request."""
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = parts.path
        if path.endswith("/token"):
            return _json({"access_token": "none", "expires_in": 3600, "token_type": "Bearer"})
        if path.startswith("/batch/"):
            return self._batch(headers, body)
        if path.startswith("/upload/session/"):
            return self._upload_part(path, headers, body)
        if path.startswith(f"/upload{_JSON_API}"):
            return self._upload(path, query, headers, body)
        if path.startswith((_JSON_API, f"/download{_JSON_API}")):
            bucket, _, rest = path.partition(_JSON_API)[2].partition("/")
            return self._json_api(method, bucket, rest, query, headers)
        return self._content(unquote(path.lstrip("/")), headers)  # XML API: /bucket/name

    def _json_api(self, method, bucket, rest, query, headers):
        if not rest:
            return _json({"name": bucket, "location": "NOWHERE", "projectNumber": "1"})
        if rest == "storageLayout":  # TensorFlow 2.21 asks whether the bucket has folders
            return _json({"kind": "storage#storageLayout", "hierarchicalNamespace": {"enabled": False}})
        if rest == "o":
            return self._listed(bucket, query)
        source, _, target = rest.removeprefix("o/").partition("/rewriteTo/b/")
        key = f"{bucket}/{unquote(source.partition('/copyTo/')[0])}"
        target = target or source.partition("/copyTo/b/")[2]
        if key not in self.objects:
            return _json({"error": {"code": 404, "message": f"No such object: {key}"}}, 404)
        if target:
            other, _, name = target.partition("/o/")
            size = str(len(self.objects[key]))
            copied = self.put(f"{other}/{unquote(name)}", self.objects[key])
            return _json({"done": True, "objectSize": size, "totalBytesRewritten": size, "resource": copied} | copied)
        if method == "DELETE":
            with self.lock:
                del self.objects[key]
            return 204, {}, b""
        return self._content(key, headers) if query.get("alt") == "media" else _json(self.described(key))

    def _listed(self, bucket, query):
        """All on one page. Names with a delimiter after the prefix are summed up as prefixes."""
        start, delimiter = query.get("prefix", ""), query.get("delimiter")
        items, prefixes = [], set()
        for key in self.names(f"{bucket}/{start}"):
            rest = key[len(bucket) + 1 + len(start) :]
            if delimiter and delimiter in rest:
                prefixes.add(start + rest.partition(delimiter)[0] + delimiter)
            else:
                items.append(self.described(key))
        found = {"kind": "storage#objects"}
        if "maxResults" in query:
            items = items[: int(query["maxResults"])]
        return _json(found | ({"items": items} if items else {}) | ({"prefixes": sorted(prefixes)} if prefixes else {}))

    def _content(self, key, headers):
        if key not in self.objects:
            return 404, {}, b"no such object"
        content = self.objects[key]
        wanted = headers.get("Range", "").removeprefix("bytes=")
        if not wanted:
            return 200, {}, content
        first, _, last = wanted.partition("-")
        begin, end = int(first), min(int(last) + 1 if last else len(content), len(content))
        if begin >= len(content):
            return 416, {"Content-Range": f"bytes */{len(content)}"}, b""
        return 206, {"Content-Range": f"bytes {begin}-{end - 1}/{len(content)}"}, content[begin:end]

    def _upload(self, path, query, headers, body):
        bucket = path.removeprefix(f"/upload{_JSON_API}").partition("/")[0]
        if query["uploadType"] == "media":
            return _json(self.put(f"{bucket}/{query['name']}", body))
        if query["uploadType"] == "multipart":
            metadata, content = _parts(headers["Content-Type"], body)
            return _json(self.put(f"{bucket}/{json.loads(metadata)['name']}", content))
        name = query.get("name") or json.loads(body)["name"]
        session = f"/upload/session/{next(self._generations)}"
        self._uploads[session] = f"{bucket}/{name}", b""
        return 200, {"Location": f"https://www.googleapis.com{session}"}, b""

    def _upload_part(self, path, headers, body):
        """An object is there once its last part is."""
        sent, _, total = headers.get("Content-Range", "bytes 0-/").removeprefix("bytes ").partition("/")
        key, pending = self._uploads[path]
        if sent != "*":
            pending = pending[: int(sent.partition("-")[0])] + body
            self._uploads[path] = key, pending
        if total == "*" or (total and len(pending) < int(total)):
            return 308, {"Range": f"bytes=0-{len(pending) - 1}"} if pending else {}, b""
        return _json(self.put(key, pending))

    def _batch(self, headers, body):
        answers = []
        for part in _parts(headers["Content-Type"], body):
            line, _, _ = part.partition(b"\r\n") if b"\r\n" in part else part.partition(b"\n")
            method, url, _ = line.decode().split(" ")
            status, _, content = self.answer(method, url, {}, b"")
            head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
            answers.append(b"Content-Type: application/http\r\n\r\n" + head.encode() + content)
        joined = b"".join(b"--batch\r\n" + answer + b"\r\n" for answer in answers) + b"--batch--\r\n"
        return 200, {"Content-Type": "multipart/mixed; boundary=batch"}, joined


def _json(values, status=200):
    return status, {"Content-Type": "application/json"}, json.dumps(values).encode()


def _parts(content_type: str, body: bytes) -> list[bytes]:
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return [part.get_payload(decode=True) for part in message.get_payload()]


def _handler(storage: _Storage, certificate: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_CONNECT(self):  # noqa: N802  named by the base class
            if self.path.partition(":")[0] not in _HOSTS:
                self.send_error(403)
                return
            self.send_response(200)
            self.end_headers()
            self.connection = certificate.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
            self.close_connection = False

        def handle_expect_100(self):
            """Says at once that the content is wanted: curl waits for it for a second."""
            going_on = super().handle_expect_100()
            self.wfile.flush()
            return going_on

        def answer(self):
            status, headers, content = storage.answer(self.command, self.path, self.headers, self._body())
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            self.wfile.flush()

        def _body(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_):
            """Says nothing."""

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler


def _write_certificate(folder: Path) -> Path:
    """A certificate for the hosts, with its key, that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake storage")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in _HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def _serve(certificate: Path) -> None:
    """Serves an empty storage, and prints the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(_Storage(), context))
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


@contextlib.contextmanager
def fake_gcs(folder: Path) -> Iterator[dict[str, str]]:
    """Serves an empty storage for as long as the context lives. Buckets need not be made.

    Args:
        folder: For the certificate and the credentials, which are as false as the storage.

    Yields:
        Environment variables with which a process finds the storage.
    """
    certificate = _write_certificate(folder)
    credentials = folder / "credentials.json"
    user = {"type": "authorized_user", "client_id": "id", "client_secret": "none", "refresh_token": "none"}
    credentials.write_text(json.dumps(user))
    command = [sys.executable, str(Path(__file__)), str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield {
                "HTTPS_PROXY": f"http://127.0.0.1:{int(server.stdout.readline())}",
                "NO_PROXY": "localhost,127.0.0.1",
                "CURL_CA_BUNDLE": str(certificate),
                "REQUESTS_CA_BUNDLE": str(certificate),
                "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
                "GOOGLE_CLOUD_PROJECT": "none",
                "NO_GCE_CHECK": "true",
                "GCS_RETRY_CONFIG_MAX_RETRIES": "1",
            }
        finally:
            server.kill()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
