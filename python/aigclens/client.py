"""The two clients side by side: the same options, the same calls, one waits and one is awaited."""

from __future__ import annotations

import os

import aigclens
from aigclens import _native, late
from aigclens.errors import ConfigError
from aigclens.notices import checked
from aigclens.precautions import HiddenUrl, hide, warn_of_a_real_key
from aigclens.sources import MOST_BYTES, coerce, is_quick, is_url
from aigclens.watch import Watch, check_observer, configure

# What a program may never need is imported where it is needed; `tests/face` holds the list (decision 0020).
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Sequence
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self, Unpack

    from aigclens.credentials import CredentialsSource
    from aigclens.events import Observer
    from aigclens.limits import ImageLimits
    from aigclens.models import Detection, EvidenceSource
    from aigclens.options import (
        CallOptions,
        CheckImage,
        ClientOptions,
        OnAmbiguous,
        Precheck,
        Signature,
        UploadSignature,
    )
    from aigclens.scanning import AsyncScan, Scan, ScanOptions
    from aigclens.scanning.progress import ProgressSink
    from aigclens.sources import Source
    from aigclens.testing import Emulator

__all__ = ["AsyncClient", "Client"]


def _several(option: str, names: Any) -> list[Any] | None:
    """Names that were given as one, or as several."""
    if names is None or isinstance(names, str):
        return None if names is None else [names]
    try:
        return list(names)
    except TypeError:
        raise ConfigError(f"{option} takes names, not {type(names).__name__}") from None


class _Face:
    """What both clients share: options, names, closing and pickling."""

    __slots__ = ("__weakref__", "_calls", "_emulator", "_limit", "_native", "_options", "_watch")

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        vpc: bool = False,
        failover: Sequence[str] = (),
        credentials: CredentialsSource | None = None,
        signature: Signature = "acs3-hmac-sha256",
        upload_signature: UploadSignature = "v4",
        service: str = "aigcDetector_global",
        connect_timeout: float = 3.1,
        timeout: float = 15.0,
        total_timeout: float = 60.0,
        idle_timeout: float = 15.0,
        max_retries: int = 2,
        on_ambiguous: OnAmbiguous = "retry",
        qps: float | None = 95.0,
        pace: str = "host",
        i_have_a_higher_quota: bool = False,
        proxy: str | None = None,
        trust_env: bool = True,
        ca_file: str | os.PathLike[str] | None = None,
        check_image: CheckImage = "error",
        image_limits: ImageLimits | None = None,
        allow_private_urls: bool | None = None,
        encode_url: bool = False,
        user_agent: str | None = None,
        precheck: Precheck = "report",
        skip_sources: Sequence[EvidenceSource] | None = None,
        on_event: Observer | None = None,
    ) -> None:
        # A traceback may show this frame's locals (N14).
        proxy = None if proxy is None else HiddenUrl(proxy)
        pace = HiddenUrl(pace)
        check_observer(on_event)
        if image_limits is not None and not isinstance(image_limits, aigclens.ImageLimits):
            raise ConfigError(f"image_limits is an aigclens.ImageLimits or None, not {type(image_limits).__name__}")
        configure()
        options: dict[str, Any] = {
            "region": region,
            "endpoint": endpoint,
            "vpc": vpc,
            "failover": _several("failover", failover),
            "signature": signature,
            "upload_signature": upload_signature,
            "service": service,
            "connect_timeout": connect_timeout,
            "timeout": timeout,
            "total_timeout": total_timeout,
            "idle_timeout": idle_timeout,
            "max_retries": max_retries,
            "on_ambiguous": on_ambiguous,
            "qps": qps,
            "pace": pace,
            "i_have_a_higher_quota": i_have_a_higher_quota,
            "proxy": proxy,
            "trust_env": trust_env,
            "ca_file": None if ca_file is None else os.fspath(ca_file),
            "check_image": check_image,
            "image_limits": image_limits,
            "allow_private_urls": allow_private_urls,
            "encode_url": encode_url,
            "user_agent": user_agent,
            "precheck": precheck,
            "skip_sources": _several("skip_sources", skip_sources),
        }
        try:
            # The secret goes down without a name of its own here.
            self._native = _native.Client(
                {
                    **options,
                    "credentials": ("chain",) if credentials is None else aigclens.credentials.described(credentials),
                    "image_limits": None if image_limits is None else image_limits._parts(),
                }
            )
        except BaseException as problem:
            # They may be secrets in the wrong wrapping.
            del credentials, endpoint, options
            from aigclens.options import wrong_type

            wrong = wrong_type(problem)
            if wrong is None:
                raise
            raise wrong from None
        key_id = None if credentials is None else aigclens.credentials.known_id(credentials)
        warn_of_a_real_key(key_id, self._native.is_loopback)
        self._options = {**options, "credentials": credentials, "on_event": on_event}
        self._watch = Watch(on_event)
        # Bytes that a stream may have.
        self._limit = MOST_BYTES if image_limits is None else image_limits.max_bytes
        self._emulator: Emulator | None = None
        self._calls: dict[str, Any] = {}
        late.prepare(awaited=isinstance(self, AsyncClient))

    @classmethod
    def local(cls, **options: Unpack[ClientOptions]) -> Self:
        """A client of an emulator that runs in this process and ends with the client. No account, no network, no cost.

        The emulator looks at no pixels: it repeats what images declare about themselves. `client.emulator` is it.
        """
        from aigclens.testing import Emulator

        if options.get("endpoint") is not None or options.get("failover"):
            raise ConfigError("local() is a client of its own emulator: it takes neither endpoint= nor failover=")
        emulator = Emulator()
        try:
            merged: ClientOptions = {**emulator.options(), **hide(options)}
            client = cls(**merged)
        except BaseException:
            emulator.stop()
            raise
        client._emulator = emulator
        return client

    def with_options(self, **options: Unpack[CallOptions]) -> Self:
        """The same client with other defaults for its calls.

        Connections, upload token, pace and credit for retries are shared; closing one closes both.
        """
        from aigclens.options import CallOptions

        unknown = sorted(options.keys() - CallOptions.__annotations__.keys())
        if unknown:
            raise TypeError(f"with_options() takes {', '.join(CallOptions.__annotations__)}, not {', '.join(unknown)}")
        copy = object.__new__(type(self))
        for name in ("_native", "_options", "_emulator", "_watch", "_limit"):
            setattr(copy, name, getattr(self, name))
        copy._calls = {**self._calls, **options}
        return copy

    def _call(self, given: tuple[Any, ...], precheck: Precheck | None, sources: Any) -> tuple[Any, ...]:
        late.make_ready()
        if self._calls or sources is not None:
            from aigclens.options import merged

            given, precheck, sources = merged(given, precheck, sources, self._calls, self._options["precheck"])
            sources = _several("skip_sources", sources)
        return given, precheck, sources, self._watch.observer()

    @property
    def emulator(self) -> Emulator | None:
        """The emulator of a client made with `local()`, or `None`."""
        return self._emulator

    @property
    def endpoint(self) -> str:
        """Where calls go, for example `https://green-cip.ap-southeast-1.aliyuncs.com`."""
        return self._native.endpoint

    @property
    def region(self) -> str | None:
        """The region id of the endpoint, where it is known."""
        return self._native.region

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._native.closed

    def close(self) -> None:
        """Closes the connections. Calls under way end as they would; later ones, and scans, raise `ClientClosed`."""
        self._native.close()
        if self._emulator is not None:
            self._emulator.stop()

    def __repr__(self) -> str:
        if not hasattr(self, "_native"):  # Its options were refused.
            return f"<{type(self).__name__} unfinished>"
        state = " closed" if self.closed else ""
        return f"<{type(self).__name__} {self.endpoint}{state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        name = type(self).__name__
        if self._options["credentials"] is not None:
            aigclens.credentials.check_pickles(self._options["credentials"], f"this {name}")
        if "@" in (self._options["proxy"] or ""):
            raise TypeError(f"this {name} holds a proxy's password and does not pickle; set HTTPS_PROXY instead")
        if "@" in self._options["pace"]:
            raise TypeError(f"this {name} holds the password of pace= and does not pickle; make it in each process")
        return (_restore, (type(self), self._options, self._calls))


def _restore(kind: type[_Face], options: dict[str, Any], calls: dict[str, Any]) -> _Face:
    return kind(**options).with_options(**calls)


class Client(_Face):
    """A client that waits for its answers. It may be used by many threads at once, and after a fork.

    Args:
        region: Region id; `ap-southeast-1` (Singapore) if neither this nor an endpoint is given.
        endpoint: A host or URL instead of the region's own. Without it `AIGCLENS_ENDPOINT` is looked at.
        vpc: Use the region's VPC endpoint, and the internal one for uploads.
        failover: Region ids (or hosts) to ask, in this order, while the client's own is out: after 5 failures in a row,
            and until one call that is let through now and then succeeds there. A call goes on elsewhere only if it has
            certainly cost nothing so far; local images are uploaded anew. Images then leave the region, and the
            console's settings are each region's own. Not looked at where `AIGCLENS_ENDPOINT` names an emulator.
        credentials: `aigclens.Credentials`, a provider such as `aigclens.AssumeRole`, or a function, plain or async,
            that returns `Credentials`. Without them they are looked for in Alibaba Cloud's own order when they are
            needed: environment (`ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET`,
            `ALIBABA_CLOUD_SECURITY_TOKEN`), OIDC role, the `aliyun` command's profile, `credentials.ini`, ECS instance
            role, credentials URI. The place that had some is asked from then on.
        signature: `acs3-hmac-sha256`, or the older `hmac-sha1`, whose key id and token travel in the URL.
        upload_signature: `v4`, or the older `v1`.
        service: The service to ask; a copy made in the console has a name of its own.
        connect_timeout: Seconds for a connection to come about.
        timeout: Seconds for each request, from connecting to the last byte.
        total_timeout: Seconds for a whole call with all of its requests.
        max_retries: Attempts after the first one, 0 (none) to 20, for trouble that passes: no connection, throttling,
            HTTP 5xx, a wrong clock, an answer that got lost. Each waits a random time below 50 ms (throttled: 1 s)
            doubled each time, at most 20 s; a server's wish is heeded up to 5 s longer. Token, upload and paid call
            have as many each, and so has each region of `failover`. The default is that of the AWS SDKs' standard mode.
        on_ambiguous: With retries, what to do after a request that may have been charged, and whose answer got lost:
            `retry` makes one further attempt at most, which may be charged too; `raise` makes none.
        qps: Paid calls started in a second, evenly, by all who share the pace: 0.01 to 100; `None` for no pace. The
            account's limit is 100 over all of its programs, so that 95 suits it. Throttling slows all of them down for
            a while. A call whose turn would come after `total_timeout` raises `PaceTimeout`. Those who give the
            same rate share it; those of other rates keep the account's limit with them, and programs that share an
            account by halves give their halves.
        pace: Who shares it, for the same access key id and region: `host`, all processes of this user on this
            machine (Linux); `process`, the clients of this process; or all who use one Redis server, given by its URL
            (`redis://:password@host:6379/0`, `rediss://` for TLS). One process or host starts with bursts of 5 after a
            rest, Redis without. Where the host's file cannot be had, the pace is that of the process.
        i_have_a_higher_quota: Take a `qps` above 100, up to 10,000.
        idle_timeout: Seconds after which an unused connection is closed. The service itself closes after 25.
        proxy: URL of an HTTP proxy. Without it `HTTPS_PROXY` and `NO_PROXY` are read; loopback never has one.
        trust_env: Whether proxy and certificate variables of the environment are read.
        ca_file: A PEM file of certificates to trust besides the system's.
        check_image: What to do with an image that the service's page does not allow: `error` raises before anything is
            sent, `warn` sends it and says so in `Detection.warnings`, `off` sends it.
        image_limits: Another edition's limits; `None` for those of the international page of 2025-11-24.
        allow_private_urls: Send URLs of hosts that the service cannot reach. By default only to an emulator.
        encode_url: Percent-encode what is not ASCII in a URL instead of refusing it.
        user_agent: A text to add to the `User-Agent` header.
        precheck: What is done about what a local image declares of itself (C2PA, IPTC, China's AIGC label, generators'
            text, EXIF), which is read with its bytes, before any call: `report` puts it on `Detection.evidence`; `off`
            does not read it; `skip_declared` makes no call about an image that declares itself `generated`, without a
            reservation. Its result has `engine="provenance"`, `billing="not_billed"` and no confidence. A declaration
            can be false: nothing of it is verified here.
        skip_sources: Whose declarations save the call: some of `c2pa`, `iptc`, `aigc_label`, `generator_text`, `exif`;
            `None` for all of them.
        on_event: Called with an `aigclens.events.Event` at each step of each attempt, on the thread that waits for the
            answer or on that of the event loop. What it raises is logged and goes no further.

    Raises:
        ConfigError: An option is wrong.
    """

    __slots__ = ()

    def detect(
        self,
        source: Source,
        *,
        data_id: str | None = None,
        referer: str | None = None,
        service: str | None = None,
        info_type: str | None = None,
        timeout: float | None = None,
        total_timeout: float | None = None,
        max_retries: int | None = None,
        on_ambiguous: OnAmbiguous | None = None,
        precheck: Precheck | None = None,
        skip_sources: Sequence[EvidenceSource] | None = None,
    ) -> Detection:
        """Asks whether an image is AI-generated. An answered call costs 0.0006 USD.

        Args:
            source: A path, an `http(s)://` or `oss://bucket/key` URL, an `OssObject`, bytes or another buffer, a binary
                file, a PIL image, or a numpy array of height x width x channels of uint8. Local images are uploaded to
                the service's own storage for 30 minutes, under a random name.
            data_id: Your name for the image, 1 to 64 of `A-Z a-z 0-9 _ . -`; it comes back in the result.
            referer: What the service sends as `Referer` when it downloads a URL, at most 256 characters.
            service: Another service than the client's.
            info_type: Further information to be returned in `raw`, comma separated.
            timeout: Seconds for each request of this call.
            total_timeout: Seconds for the whole call.
            max_retries: Attempts after the first one, for this call.
            on_ambiguous: What to do after an answer got lost, for this call.
            precheck: What is done about declarations, for this call: `report`, `off` or `skip_declared`.
            skip_sources: Whose declarations save the call, for this call; only with `skip_declared`.

        Raises:
            ConfigError: `precheck` or `skip_sources` is no word that is known, sources are named for a call that is not
                to be skipped, or another option of this call is wrong.
            InputError: The image or a parameter is not what the service takes; mostly before anything is sent.
            CredentialsError: No credentials were given or found, or they have expired.
            TransportError: No complete answer came; `billing` says whether it may have been charged.
            ServiceError: The service refused, which costs nothing; or, as `billing` says, it answered and the answer
                cannot be used.
            PaceTimeout: Its turn at the pace would come after `total_timeout`.
            PaceUnavailable: The Redis server of `pace` cannot be used.
            ClientClosed: The client was closed.
        """
        given = (data_id, referer, service, info_type, timeout, total_timeout, max_retries, on_ambiguous)
        options = self._call(given, precheck, skip_sources)
        parts: Any = source if is_url(source) else coerce(source, self._limit)
        return checked(self._native.detect(parts, options), data_id)

    def scan(self, source: Any, **options: Unpack[ScanOptions]) -> Scan:
        """`aigclens.scan` with this client: many images, a store, a budget."""
        from aigclens.scanning import Scan

        return Scan(self, source, **options)

    def detect_many(
        self, sources: Iterable[Any], *, concurrency: int = 16, ordered: bool = False, progress: ProgressSink = None
    ) -> Scan:
        """`scan` of any iterable of sources (or of `(key, source)`), without a store: nothing is kept after its end."""
        return self.scan(sources, concurrency=concurrency, ordered=ordered, progress=progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Face):
    """A client for asyncio. One may be used on several event loops, one after another or side by side.

    Takes the options of `Client`.
    """

    __slots__ = ()

    async def detect(
        self,
        source: Source,
        *,
        data_id: str | None = None,
        referer: str | None = None,
        service: str | None = None,
        info_type: str | None = None,
        timeout: float | None = None,
        total_timeout: float | None = None,
        max_retries: int | None = None,
        on_ambiguous: OnAmbiguous | None = None,
        precheck: Precheck | None = None,
        skip_sources: Sequence[EvidenceSource] | None = None,
    ) -> Detection:
        """`Client.detect`, awaited. Cancelling the task drops the request; one that was sent may still be charged.

        Only `on_event` hears of that: the attempt ends as `Cancelled`.
        """
        given = (data_id, referer, service, info_type, timeout, total_timeout, max_retries, on_ambiguous)
        options = self._call(given, precheck, skip_sources)
        doors, parts, limit = late.doors(), source, self._limit
        if not is_url(source):
            quick = is_quick(source)
            parts = coerce(source) if quick else await doors.aside(lambda given: coerce(given, limit), source)
        future, handle = doors.start(self._native, parts, options)
        try:
            detection = await future
        except BaseException:
            handle.abort()
            raise
        return checked(detection, data_id)

    def scan(self, source: Any, **options: Unpack[ScanOptions]) -> AsyncScan:
        """`aigclens.ascan` with this client: many images, a store, a budget."""
        from aigclens.scanning import AsyncScan

        return AsyncScan(self, source, **options)

    def detect_many(
        self,
        sources: Iterable[Any] | AsyncIterable[Any],
        *,
        concurrency: int = 16,
        ordered: bool = False,
        progress: ProgressSink = None,
    ) -> AsyncScan:
        """`scan` of any iterable of sources (or of `(key, source)`), without a store: nothing is kept after its end."""
        return self.scan(sources, concurrency=concurrency, ordered=ordered, progress=progress)

    async def aclose(self) -> None:
        """`close()`, for those who expect to await it."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
