"""One tree of exceptions, named by meaning. Where a builtin says the same, it is a base, so that `except TimeoutError`
or `except FileNotFoundError` works too.

Every exception says what the call cost (`billing`) and which requests were tried (`attempts`).
"""

from __future__ import annotations

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from aigclens.models import Attempt, Billing


class AigcError(Exception):
    """The base of every exception of this package.

    Attributes:
        code: The code as the service wrote it (`"404"`, `"SignatureDoesNotMatch"`), or `None`.
        http_status: The HTTP status of the answer, or `None` where none came.
        request_id: The service's id of the request that failed, or `None`.
        attempts: Every request that was tried, in order.
        billing: What the call cost: `not_billed`, `possibly_billed` where a request was sent whose outcome is not
            known, or `billed` where an answer was charged but could not be used.
        retryable: Whether the same call may succeed later unchanged. It does not say that this is free of charge.
        raw: The beginning of the answer's text without secrets, or `None`.
    """

    code: str | None
    http_status: int | None
    request_id: str | None
    attempts: tuple[Attempt, ...]
    billing: Billing
    retryable: bool
    raw: str | None

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        attempts: tuple[Attempt, ...] = (),
        billing: Billing = "not_billed",
        retryable: bool = False,
        raw: str | None = None,
        errno: int | None = None,
        filename: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.attempts = attempts
        self.billing = billing
        self.retryable = retryable
        self.raw = raw
        if isinstance(self, OSError):
            of_system: Any = self
            of_system.errno, of_system.strerror, of_system.filename = errno, message, filename

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        facts: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("code", "http_status", "request_id", "attempts", "billing", "retryable", "raw")
        }
        if isinstance(self, OSError):
            facts |= {"errno": self.errno, "filename": self.filename}
        return (_restore, (type(self), str(self), facts))


def _restore(kind: type[AigcError], message: str, facts: dict[str, Any]) -> AigcError:
    return kind(message, **facts)


class ConfigError(AigcError, ValueError):
    """An option of the client, the endpoint or the environment is wrong. Nothing was sent."""


class CredentialsError(AigcError):
    """The credentials could not be had or used."""


class CredentialsNotFound(CredentialsError):
    """No source had credentials; the message names the sources and the ways out. Nothing was sent."""


class CredentialsExpired(CredentialsError):
    """The security token has expired."""


class InputError(AigcError, ValueError):
    """The image or a parameter is not what the service takes."""


class InvalidParameter(InputError):
    """A parameter is empty, malformed or too long (codes 400, 401, 402)."""


class InvalidUrl(InputError):
    """The text is no single public URL of at most 2,048 characters. Nothing was sent."""


class ImageFileError(InputError, OSError):
    """The image's file cannot be read, is empty, damaged or no regular file. `filename` and `errno` say more."""


class ImageFileNotFound(ImageFileError, FileNotFoundError):
    """There is no such file."""


class ImageTooLarge(ImageFileError):
    """The image has too many bytes or pixels (code 406, or found before anything was sent)."""


class UnsupportedImageFormat(ImageFileError):
    """The service does not take this format (code 407, or found before anything was sent)."""


class UnsupportedSource(InputError, TypeError):
    """The object is no image that this package knows how to read."""


class ClientClosed(AigcError, RuntimeError):
    """The client was closed."""


class PaceTimeout(AigcError, TimeoutError):
    """The call's turn at the client's pace (`qps`) would come after its total time-out: nothing was sent."""


class PaceUnavailable(AigcError, ConnectionError):
    """The Redis server of `pace=` did not answer or refused: nobody can say whose turn it is, and nothing was sent."""


class TransportError(AigcError, ConnectionError):
    """No complete answer came."""


class ConnectError(TransportError):
    """No connection came about: nothing was sent."""


class ConnectTimeout(ConnectError, TimeoutError):
    """No connection came about in `connect_timeout` seconds: nothing was sent."""


class DnsError(ConnectError):
    """The endpoint's name could not be resolved: nothing was sent."""


class TlsError(ConnectError):
    """No secure connection came about, for example since the certificate is not trusted: nothing was sent."""


class ProxyError(ConnectError):
    """The proxy refused or failed."""


class ProxyAuthenticationError(ProxyError):
    """The proxy wants a user name and password, which go into its URL."""


class ResourceExhausted(ConnectError):
    """This machine has no file descriptor, port or memory left for a connection: nothing was sent."""


class AmbiguousOutcomeError(TransportError):
    """The request was sent, and no answer says what became of it: it may have been charged."""


class DetectTimeout(AmbiguousOutcomeError, TimeoutError):
    """No answer in `timeout` or `total_timeout` seconds. `billing` says whether the paid request was sent."""


class ResponseDecodeError(AmbiguousOutcomeError):
    """The answer is not one of the service's, for example a page of a proxy."""


class NonceUsedError(AmbiguousOutcomeError):
    """Something on the way sent the request twice; the first copy may have been charged."""


class ServiceError(AigcError):
    """The service answered and refused. A refusal costs nothing."""


class AuthenticationError(ServiceError):
    """The access key or its signature was refused."""


class ClockSkewError(AuthenticationError):
    """This machine's clock is more than 15 minutes from the server's."""


class PermissionDenied(ServiceError, PermissionError):
    """The identity may not call the service."""


class AccountNotReady(PermissionDenied):
    """The account has not activated the service, has overdue bills, or is not authorised (code 408)."""


class ThrottledError(ServiceError):
    """The account's limit of calls per second is exceeded (code 403; gateway codes `Throttling...`)."""


class ImageDownloadError(ServiceError):
    """The service could not download the image from its URL (code 404)."""


class ImageDownloadTimeout(ImageDownloadError, TimeoutError):
    """The service's download of the image took longer than 3 seconds (code 405)."""


class ServerError(ServiceError):
    """The service had an internal error (code 500, HTTP 5xx)."""


class UnknownServiceError(ServiceError):
    """The service refused with a code that its page does not list."""


class ResponseSchemaError(ServiceError):
    """The service answered, and the answer lacks what it should have. A paid answer keeps its body in `raw`."""


class UnexpectedRedirect(ServiceError):
    """The endpoint answered with a redirect, which is never followed."""


class UploadError(ServiceError):
    """The storage for temporary uploads refused the image. Nothing was charged."""


class UploadIntegrityError(UploadError):
    """The storage received other bytes than were sent. Nothing was charged."""


class BudgetExceeded(AigcError):
    """The next call would pass the budget of the scan: it was not sent. A larger one goes on where this one ended."""


class ScanPaused(AigcError):
    """The scan ended early, since going on would have been in vain. Running it again goes on.

    The service refused one call after another for the same reason, or was out of reach for longer than `patience`.
    """


class StoreError(AigcError, OSError):
    """The file that a scan keeps its results in cannot be used. `filename` and `errno` say more where they can."""


class StoreLocked(StoreError):
    """Another process, or another scan of this one, is writing to the store."""


class StoreFull(StoreError):
    """The disk, or the user's share of it, has no room left for the store. Nothing that was paid for is lost."""


class StoreDamaged(StoreError):
    """The file is no store, or a damaged one; `aigclens store verify` says what is damaged."""


class InternalError(AigcError, RuntimeError):
    """A fault of this package; please report it."""


class MismatchWarning(UserWarning):
    """The answer's data id is not the one that was sent. The result stands, with `data_id_mismatch` in `warnings`."""


class CredentialsWarning(UserWarning):
    """The credentials work, but want looking after. The result stands, with the reason in `warnings`.

    `credentials_file_exposed`: others may read their file. `credentials_not_refreshed`: they could not be replaced yet.
    """
