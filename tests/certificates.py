"""An authority of the tests' own and the certificates that it issues, made by the command `openssl`."""

from __future__ import annotations

import ssl
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
NAMES = "DNS:localhost,DNS:service.example,IP:127.0.0.1"
REGISTER = """\
[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def authority(folder: Path) -> Path:
    """Makes `ca.pem`, and by it `cert.pem` with `key.pem` for localhost; skips the test where there is no openssl."""
    try:
        openssl("version")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the command openssl is not there")
    files = ("-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    openssl("req", "-x509", *KEY, *files, "-days", "2", "-subj", "/CN=Our CA")
    (folder / "index").touch()
    (folder / "register").write_text(REGISTER.format(folder=folder))
    openssl("req", *KEY, "-keyout", folder / "key.pem", "-out", folder / "csr.pem", "-subj", "/CN=localhost")
    issue(folder, "cert")
    return folder


def issue(folder: Path, name: str, *, names: str = NAMES, begins: int = -1, ends: int = 2) -> Path:
    """Another certificate for the same key; it is valid from so many days after today to so many."""
    (folder / "extensions").write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
    now = datetime.now(timezone.utc)
    first, last = ((now + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ") for days in (begins, ends))
    openssl(
        *("ca", "-batch", "-notext", "-config", folder / "register", "-in", folder / "csr.pem"),
        *("-extfile", folder / "extensions", "-startdate", first, "-enddate", last, "-out", folder / f"{name}.pem"),
    )
    return folder / f"{name}.pem"


def context(folder: Path, name: str = "cert") -> ssl.SSLContext:
    """A server's settings with one of the certificates."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / f"{name}.pem", folder / "key.pem")
    return made
