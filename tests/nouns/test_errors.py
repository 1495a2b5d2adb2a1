"""The tree of exceptions: bases, facts, pickling."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import aigclens
from aigclens import errors

ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.AigcError)]


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("ConfigError", [ValueError]),
        ("CredentialsNotFound", [errors.CredentialsError]),
        ("CredentialsExpired", [errors.CredentialsError]),
        ("InvalidParameter", [errors.InputError, ValueError]),
        ("InvalidUrl", [errors.InputError, ValueError]),
        ("ImageFileError", [errors.InputError, OSError]),
        ("ImageFileNotFound", [errors.ImageFileError, FileNotFoundError, OSError, ValueError]),
        ("ImageTooLarge", [errors.InputError]),
        ("UnsupportedImageFormat", [errors.InputError]),
        ("UnsupportedSource", [errors.InputError, TypeError]),
        ("ClientClosed", [RuntimeError]),
        ("ConnectError", [errors.TransportError, ConnectionError]),
        ("ConnectTimeout", [errors.ConnectError, TimeoutError]),
        ("DnsError", [errors.ConnectError]),
        ("TlsError", [errors.ConnectError]),
        ("PaceTimeout", [errors.AigcError, TimeoutError]),
        ("PaceUnavailable", [errors.AigcError, ConnectionError]),
        ("StoreFull", [errors.StoreError, OSError]),
        ("StoreLocked", [errors.StoreError, OSError]),
        ("StoreDamaged", [errors.StoreError, OSError]),
        ("ProxyError", [errors.ConnectError]),
        ("ProxyAuthenticationError", [errors.ProxyError]),
        ("ResourceExhausted", [errors.ConnectError]),
        ("DetectTimeout", [errors.AmbiguousOutcomeError, TimeoutError, ConnectionError]),
        ("ResponseDecodeError", [errors.AmbiguousOutcomeError]),
        ("NonceUsedError", [errors.AmbiguousOutcomeError]),
        ("ClockSkewError", [errors.AuthenticationError, errors.ServiceError]),
        ("AccountNotReady", [errors.PermissionDenied, PermissionError]),
        ("ThrottledError", [errors.ServiceError]),
        ("ImageDownloadTimeout", [errors.ImageDownloadError, TimeoutError]),
        ("ServerError", [errors.ServiceError]),
        ("UploadIntegrityError", [errors.UploadError, errors.ServiceError]),
        ("InternalError", [RuntimeError]),
    ],
)
def test_the_builtin_that_users_would_catch_is_a_base(name: str, bases: list[type]) -> None:
    for base in [errors.AigcError, *bases]:
        assert issubclass(getattr(aigclens, name), base)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_facts_text_pickle_and_copy(kind: type[errors.AigcError]) -> None:
    attempt = aigclens.Attempt("possibly_billed", kind.__name__, "404", "R", "us-east-1", 0.5)
    error = kind(
        "what was wrong",
        code="404",
        http_status=200,
        request_id="R",
        attempts=(attempt,),
        billing="possibly_billed",
        retryable=True,
        raw="{}",
        errno=2,
        filename="a.png",
    )
    error.__cause__ = ValueError("lower down")
    for same in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is kind
        assert str(same) == "what was wrong"
        assert (same.code, same.http_status, same.request_id) == ("404", 200, "R")
        assert (same.attempts, same.billing, same.retryable, same.raw) == ((attempt,), "possibly_billed", True, "{}")
        if isinstance(same, OSError):
            assert (same.errno, same.filename) == (2, "a.png")
    bare = kind("words")
    assert (bare.code, bare.attempts, bare.billing, bare.retryable) == (None, (), "not_billed", False)
    with pytest.raises(errors.AigcError, match="words"):
        raise bare
