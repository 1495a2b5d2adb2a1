"""Detect AI-generated images with Alibaba Cloud's Image Moderation 2.0 (service `aigcDetector_global`).

    import aigclens

    result = aigclens.detect("photo.jpg")
    result = await aigclens.adetect("https://example.com/cat.png")

    with aigclens.Client(region="us-east-1") as client:
        client.detect(image_bytes, data_id="img-1")

Each answered call costs 0.60 USD per 1,000. `Client.local()` needs no account: it talks to the emulator.
"""

from __future__ import annotations

# What `typing` calls so, without importing it: type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from aigclens import credentials as credentials
    from aigclens import errors as errors
    from aigclens import events as events
    from aigclens import integrations as integrations
    from aigclens import models as models
    from aigclens import price as price
    from aigclens import provenance as provenance
    from aigclens import report as report
    from aigclens import scanning as scanning
    from aigclens import store as store
    from aigclens import testing as testing
    from aigclens._native import __version__ as __version__
    from aigclens.client import AsyncClient as AsyncClient
    from aigclens.client import Client as Client
    from aigclens.credentials import AssumeRole as AssumeRole
    from aigclens.credentials import CredentialChain as CredentialChain
    from aigclens.credentials import Credentials as Credentials
    from aigclens.credentials import EcsRole as EcsRole
    from aigclens.credentials import EnvironmentCredentials as EnvironmentCredentials
    from aigclens.credentials import OidcRole as OidcRole
    from aigclens.credentials import ProfileCredentials as ProfileCredentials
    from aigclens.credentials import UriCredentials as UriCredentials
    from aigclens.default import adetect as adetect
    from aigclens.default import detect as detect
    from aigclens.errors import AccountNotReady as AccountNotReady
    from aigclens.errors import AigcError as AigcError
    from aigclens.errors import AmbiguousOutcomeError as AmbiguousOutcomeError
    from aigclens.errors import AuthenticationError as AuthenticationError
    from aigclens.errors import BudgetExceeded as BudgetExceeded
    from aigclens.errors import ClientClosed as ClientClosed
    from aigclens.errors import ClockSkewError as ClockSkewError
    from aigclens.errors import ConfigError as ConfigError
    from aigclens.errors import ConnectError as ConnectError
    from aigclens.errors import ConnectTimeout as ConnectTimeout
    from aigclens.errors import CredentialsError as CredentialsError
    from aigclens.errors import CredentialsExpired as CredentialsExpired
    from aigclens.errors import CredentialsNotFound as CredentialsNotFound
    from aigclens.errors import CredentialsWarning as CredentialsWarning
    from aigclens.errors import DetectTimeout as DetectTimeout
    from aigclens.errors import DnsError as DnsError
    from aigclens.errors import ImageDownloadError as ImageDownloadError
    from aigclens.errors import ImageDownloadTimeout as ImageDownloadTimeout
    from aigclens.errors import ImageFileError as ImageFileError
    from aigclens.errors import ImageFileNotFound as ImageFileNotFound
    from aigclens.errors import ImageTooLarge as ImageTooLarge
    from aigclens.errors import InputError as InputError
    from aigclens.errors import InternalError as InternalError
    from aigclens.errors import InvalidParameter as InvalidParameter
    from aigclens.errors import InvalidUrl as InvalidUrl
    from aigclens.errors import MismatchWarning as MismatchWarning
    from aigclens.errors import NonceUsedError as NonceUsedError
    from aigclens.errors import PaceTimeout as PaceTimeout
    from aigclens.errors import PaceUnavailable as PaceUnavailable
    from aigclens.errors import PermissionDenied as PermissionDenied
    from aigclens.errors import ProxyAuthenticationError as ProxyAuthenticationError
    from aigclens.errors import ProxyError as ProxyError
    from aigclens.errors import ResourceExhausted as ResourceExhausted
    from aigclens.errors import ResponseDecodeError as ResponseDecodeError
    from aigclens.errors import ResponseSchemaError as ResponseSchemaError
    from aigclens.errors import ScanPaused as ScanPaused
    from aigclens.errors import ServerError as ServerError
    from aigclens.errors import ServiceError as ServiceError
    from aigclens.errors import StoreDamaged as StoreDamaged
    from aigclens.errors import StoreError as StoreError
    from aigclens.errors import StoreFull as StoreFull
    from aigclens.errors import StoreLocked as StoreLocked
    from aigclens.errors import ThrottledError as ThrottledError
    from aigclens.errors import TlsError as TlsError
    from aigclens.errors import TransportError as TransportError
    from aigclens.errors import UnexpectedRedirect as UnexpectedRedirect
    from aigclens.errors import UnknownServiceError as UnknownServiceError
    from aigclens.errors import UnsupportedImageFormat as UnsupportedImageFormat
    from aigclens.errors import UnsupportedSource as UnsupportedSource
    from aigclens.errors import UploadError as UploadError
    from aigclens.errors import UploadIntegrityError as UploadIntegrityError
    from aigclens.limits import ImageLimits as ImageLimits
    from aigclens.models import Attempt as Attempt
    from aigclens.models import Detection as Detection
    from aigclens.models import Evidence as Evidence
    from aigclens.models import Label as Label
    from aigclens.models import OssObject as OssObject
    from aigclens.provenance import Manifest as Manifest
    from aigclens.provenance import Provenance as Provenance
    from aigclens.provenance import inspect as inspect
    from aigclens.scanning import Scan as Scan
    from aigclens.scanning import ScanRow as ScanRow
    from aigclens.scanning import ascan as ascan
    from aigclens.scanning import estimate as estimate
    from aigclens.scanning import scan as scan

__all__ = [
    "AccountNotReady",
    "AigcError",
    "AmbiguousOutcomeError",
    "AssumeRole",
    "AsyncClient",
    "Attempt",
    "AuthenticationError",
    "BudgetExceeded",
    "Client",
    "ClientClosed",
    "ClockSkewError",
    "ConfigError",
    "ConnectError",
    "ConnectTimeout",
    "CredentialChain",
    "Credentials",
    "CredentialsError",
    "CredentialsExpired",
    "CredentialsNotFound",
    "CredentialsWarning",
    "DetectTimeout",
    "Detection",
    "DnsError",
    "EcsRole",
    "EnvironmentCredentials",
    "Evidence",
    "ImageDownloadError",
    "ImageDownloadTimeout",
    "ImageFileError",
    "ImageFileNotFound",
    "ImageLimits",
    "ImageTooLarge",
    "InputError",
    "InternalError",
    "InvalidParameter",
    "InvalidUrl",
    "Label",
    "Manifest",
    "MismatchWarning",
    "NonceUsedError",
    "OidcRole",
    "OssObject",
    "PaceTimeout",
    "PaceUnavailable",
    "PermissionDenied",
    "ProfileCredentials",
    "Provenance",
    "ProxyAuthenticationError",
    "ProxyError",
    "ResourceExhausted",
    "ResponseDecodeError",
    "ResponseSchemaError",
    "Scan",
    "ScanPaused",
    "ScanRow",
    "ServerError",
    "ServiceError",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "ThrottledError",
    "TlsError",
    "TransportError",
    "UnexpectedRedirect",
    "UnknownServiceError",
    "UnsupportedImageFormat",
    "UnsupportedSource",
    "UploadError",
    "UploadIntegrityError",
    "UriCredentials",
    "__version__",
    "adetect",
    "ascan",
    "detect",
    "estimate",
    "inspect",
    "scan",
]

# Loaded when first asked for: `import aigclens` alone costs next to nothing. Every other public name is an exception.
_ROOMS = {
    "__version__": "_native",
    "AsyncClient": "client",
    "Client": "client",
    "adetect": "default",
    "detect": "default",
    "AssumeRole": "credentials",
    "CredentialChain": "credentials",
    "Credentials": "credentials",
    "EcsRole": "credentials",
    "EnvironmentCredentials": "credentials",
    "OidcRole": "credentials",
    "ProfileCredentials": "credentials",
    "UriCredentials": "credentials",
    "Attempt": "models",
    "Detection": "models",
    "Evidence": "models",
    "Label": "models",
    "OssObject": "models",
    "ImageLimits": "limits",
    "Manifest": "provenance",
    "Provenance": "provenance",
    "inspect": "provenance",
    "Scan": "scanning",
    "ScanRow": "scanning",
    "ascan": "scanning",
    "estimate": "scanning",
    "scan": "scanning",
}


# Rooms that are used by their own names.
_MODULES = (
    "credentials",
    "errors",
    "events",
    "integrations",
    "models",
    "price",
    "provenance",
    "report",
    "scanning",
    "store",
    "testing",
)

# Hidden from type checkers, which would let every misspelt name pass.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__ and name not in _MODULES:
            raise AttributeError(f"module 'aigclens' has no attribute {name!r}")
        import sys

        room = f"aigclens.{name if name in _MODULES else _ROOMS.get(name, 'errors')}"
        # As `importlib.import_module` does, which would cost more than half of a millisecond itself.
        __import__(room)
        if name in _MODULES:
            return sys.modules[room]
        value: object = getattr(sys.modules[room], name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_MODULES})
