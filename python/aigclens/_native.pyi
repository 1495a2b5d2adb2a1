"""The compiled core. Private: what is public is in the package."""

from asyncio import AbstractEventLoop, Future
from typing import Any, Final, final

from aigclens.models import Detection

__all__ = ["Client", "Emulator", "Handle", "Port", "__version__", "check_credentials", "redacted_id"]

__version__: Final[str]

def check_credentials(access_key_id: str, access_key_secret: str, security_token: str | None, /) -> None: ...
def redacted_id(access_key_id: str, /) -> str: ...

@final
class Port:
    def __new__(cls, event_loop: AbstractEventLoop, /) -> Port: ...
    @property
    def pid(self) -> int: ...
    def fileno(self) -> int: ...
    def use_threadsafe(self) -> None: ...
    def drain(self) -> None: ...
    def close(self) -> None: ...

@final
class Handle:
    def abort(self) -> None: ...

@final
class Client:
    def __new__(
        cls,
        *,
        region: str | None,
        endpoint: str | None,
        vpc: bool,
        credentials: tuple[str, str, str | None] | None,
        signature: str,
        upload_signature: str,
        service: str,
        connect_timeout: float,
        timeout: float,
        total_timeout: float,
        idle_timeout: float,
        max_retries: int,
        on_ambiguous: str,
        qps: float | None,
        i_have_a_higher_quota: bool,
        proxy: str | None,
        trust_env: bool,
        ca_file: str | None,
        check_image: str,
        allow_private_urls: bool | None,
        encode_url: bool,
        user_agent: str | None,
    ) -> Client: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def region(self) -> str | None: ...
    @property
    def closed(self) -> bool: ...
    def detect(self, source: tuple[Any, ...], options: tuple[Any, ...], /) -> Detection: ...
    def submit(
        self, port: Port, future: Future[Detection], source: tuple[Any, ...], options: tuple[Any, ...], /
    ) -> Handle: ...
    def close(self) -> None: ...

@final
class Emulator:
    def __new__(cls, options: str, /) -> Emulator: ...
    @property
    def url(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def access_key_id(self) -> str: ...
    @property
    def access_key_secret(self) -> str: ...
    @property
    def security_token(self) -> str | None: ...
    def control(self, method: str, target: str, body: str, /) -> tuple[int, str]: ...
    def stop(self) -> None: ...
