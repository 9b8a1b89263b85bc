"""A fresh Plenary of one's own: a server process with its ports and its folder, and tokens for it."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

KEY, SECRET = "devkey", "secret"

# How long the server may take to be ready, and to stop when it is asked to, in seconds.
READY_WITHIN = 15
STOPPED_WITHIN = 10


def binary() -> str:
    """The server under test: PLENARY_BINARY, or the release build of this tree."""
    built = pathlib.Path(__file__).parents[2] / "target" / "release" / "plenary"
    return os.environ.get("PLENARY_BINARY", str(built))


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`with Server() as server:` runs one from ready to stopped."""

    def __init__(self, *more: str) -> None:
        """`more` are further flags of `plenary serve`."""
        self.more = more

    def __enter__(self) -> "Server":
        self.folder = tempfile.TemporaryDirectory(prefix="plenary-test-")
        self.port = free_port(socket.SOCK_STREAM)
        rtc = free_port(socket.SOCK_DGRAM)
        self.log_path = pathlib.Path(self.folder.name) / "server.log"
        self.log = self.log_path.open("wb")
        self.process = subprocess.Popen(
            [
                binary(), "serve", "--dev",
                "--http", f"127.0.0.1:{self.port}",
                "--rtc", f"127.0.0.1:{rtc}",
                "--node-ip", "127.0.0.1",
                "--data", str(pathlib.Path(self.folder.name) / "data"),
                *self.more,
            ],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        if "PLENARY_TEST_LOG" in os.environ:
            print(self.log_path.read_text(errors="replace"))
        self.folder.cleanup()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log_path.read_text(errors='replace')}")
            try:
                if self.http("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"not ready in {READY_WITHIN} s:\n{self.log_path.read_text(errors='replace')}")

    @property
    def url(self) -> str:
        """What SDKs connect to."""
        return f"ws://127.0.0.1:{self.port}"

    def http(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and body of a GET."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None and self.http("/healthz")[0] == 200

    def token(self, room: str, identity: str, *more: str) -> str:
        """As people get one: `plenary token`."""
        command = [binary(), "token", "--room", room, "--identity", identity, *more]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def mint(room: str, identity: str, *, key: str = KEY, secret: str = SECRET, lives: int = 600, **claims: object) -> str:
    """A token with any claims, as a backend of LiveKit's would make it (HS256, RFC 7515)."""
    now = int(time.time())
    video = {"roomJoin": True, "room": room, **claims.pop("video", {})}
    payload = {"iss": key, "sub": identity, "nbf": now - 5, "exp": now + lives, "video": video, **claims}
    signed = f"{encode({'alg': 'HS256', 'typ': 'JWT'})}.{encode(payload)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def encode(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
