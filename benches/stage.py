"""The server of the benchmarks, and one measured run of one client in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
PROGRAMS = HERE / "server" / "target" / "release"
LIMITS = {"pure Rust, reqwest": "reqwest", "pure Rust, hyper": "hyper"}
# What would make a client behave otherwise than by default here.
UNSET = ("PYTHONDONTWRITEBYTECODE", "AIGCLENS_LOG", "AIGCLENS_ENDPOINT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


# Seconds after which a run is hung.
LONGEST = 180
# Calls in a second, where their number is given.
SLOWEST = 300


class RunFailed(Exception):
    """A run did not come to its end."""


def environment(ca: str | None = None, system: str | None = None) -> dict[str, str]:
    """Of a client: no proxies, and for what has no option for it, the authority to trust.

    `system` is for the official SDK: by default it reads the system's certificates and certifi's, and an authority
    given as its option would spare it one of them for each call of its async client.
    """
    kept = {name: text for name, text in os.environ.items() if name not in UNSET and "proxy" not in name.lower()}
    if ca is not None:
        kept["REQUESTS_CA_BUNDLE"] = ca
    if system is not None:
        kept["SSL_CERT_FILE"] = system
    return kept


class Server:
    """The loopback server, from `with` to its end."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="bench-", dir=HERE.parent / ".build")
        self.ca = str(Path(self.folder.name) / "ca.pem")
        self.system = Path(self.folder.name) / "system-and-ca.pem"

    def __enter__(self) -> Server:
        command = [str(PROGRAMS / "server"), "--ca", self.ca]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = json.loads(self.process.stdout.readline())
        system = ssl.get_default_verify_paths().cafile
        self.system.write_text((Path(system).read_text() if system else "") + Path(self.ca).read_text())
        self.line = http.client.HTTPConnection(self.said["http"].split("://")[1])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.line.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.folder.cleanup()

    def order(self, what: str) -> dict[str, int]:
        """`stats`, `reset`, `verify?1`, `latency?50`."""
        self.line.request("GET", f"/_bench/{what}")
        return json.loads(self.line.getresponse().read())  # type: ignore[no-any-return]

    def cpu(self) -> float:
        """Seconds of the processor that the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def specification(self, client: str, *, secure: bool, at_once: int, **more: Any) -> dict[str, Any]:
        """What a worker is told."""
        return {
            "client": client,
            "url": self.said["https" if secure else "http"],
            "ca": self.ca if secure else None,
            "at_once": at_once,
            "folder": self.folder.name,
            **more,
        }

    def command(self, given: dict[str, Any]) -> list[str]:
        """Of a run."""
        if (kind := LIMITS.get(given["client"])) is not None:
            ca = [] if given["ca"] is None else ["--ca", given["ca"]]
            figures = ["--at-once", str(given["at_once"])]
            if "rounds" in given:
                figures += ["--rounds", str(given["rounds"]), "--served", str(given["latency_of_server"])]
            else:
                figures += ["--seconds", str(given["seconds"])]
            return [str(PROGRAMS / "limit"), kind, "--url", given["url"], *ca, *figures]
        return [sys.executable, str(HERE / given.pop("program", "worker.py")), json.dumps(given)]

    def run(
        self, client: str, *, latency: int = 0, while_ready: Callable[[int], None] | None = None, **more: Any
    ) -> Any:
        """One measured run: signatures are verified while it warms up, connections and requests are counted."""
        given = self.specification(client, **more)
        self.order("reset")
        self.order(f"latency?{latency}")
        self.order("verify?1")
        process = subprocess.Popen(
            self.command(given),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(given["ca"], str(self.system) if client.startswith("official") else None),
        )
        watchdog = threading.Timer(LONGEST + given.get("calls", 0) / SLOWEST, process.kill)
        watchdog.daemon = True
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            watchdog.start()
            if process.stdout.readline() != "ready\n":
                raise RunFailed(self.why(client, process))
            warm = self.order("stats")
            self.order("verify?0")
            if while_ready is not None:
                while_ready(process.pid)
            process.stdin.write("go\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RunFailed(self.why(client, process))
            process.stdin.close()
            watchdog.cancel()
        said = self.order("stats")
        self.order("latency?0")
        found = json.loads(line)
        if warm["refused"] or warm["verified"] != warm["requests"] + warm["tokens"] + warm["uploads"]:
            raise RunFailed(f"{client}: of {warm} not every signature was right")
        if found["right"] != found["calls"] or said["requests"] - warm["requests"] != found["calls"]:
            raise RunFailed(f"{client}: {found}, and the server saw {said['requests'] - warm['requests']} calls")
        return found | {
            "connections": said["connections"],
            "new_connections": said["connections"] - warm["connections"],
            "verified": warm["verified"],
            "warm_calls": warm["requests"],
        }

    @staticmethod
    def why(client: str, process: subprocess.Popen[str]) -> str:
        """The last line of what a process said before it ended."""
        assert process.stderr is not None
        said = process.stderr.read().strip().splitlines() or ["nothing was said"]
        return f"{client}: {said[-1]}"
