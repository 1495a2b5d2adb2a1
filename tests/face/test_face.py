"""The public face: what importing loads, what is exported, and that both clients are twins."""

from __future__ import annotations

import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import aigclens
import aigclens.errors
import aigclens.testing
from aigclens.testing import Emulator

ROOT = Path(__file__).parents[2]


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_loads_nothing_but_itself() -> None:
    assert loaded_by("import aigclens") <= {"aigclens", "__future__"}


def test_a_call_loads_neither_pil_nor_numpy_nor_any_other_package() -> None:
    own = {"aigclens"}
    for name in loaded_by("import aigclens; aigclens.Client(endpoint='127.0.0.1:9').close()"):
        top = name.split(".")[0]
        assert top in own | set(sys.stdlib_module_names) or top.startswith("_"), name


# What a client that waits is made of, and nothing else: each module of Python's own has its price (decision 0020).
CLIENT = {"client", "errors", "late", "notices", "precautions", "sources", "watch"}
UNTOUCHED = {"aigclens.doors", "aigclens.logs", "aigclens.scanning", "aigclens.testing"}
UNTOUCHED |= {"asyncio", "datetime", "logging", "socket", "ssl", "subprocess", "threading"}


@pytest.mark.parametrize(
    ("statement", "more"),
    [
        ("from aigclens import Client", set()),
        ("from aigclens import AsyncClient, Client", set()),
        ("from aigclens import Client; Client(endpoint='127.0.0.1:9')", set()),
        ("from aigclens import adetect, detect", {"default"}),
        ("from aigclens import AsyncClient; AsyncClient(endpoint='127.0.0.1:9').close()", set()),
        ("import aigclens as a; a.Client(credentials=a.Credentials('id', 'secret', None, 2e9))", {"credentials"}),
        ("import aigclens as a; a.Client(credentials=lambda: a.Credentials('id', 'secret'))", {"credentials"}),
    ],
)
def test_a_client_loads_what_it_is_made_of(statement: str, more: set[str]) -> None:
    own = {f"aigclens.{name}" for name in ("_native", *CLIENT, *more)}
    # `atexit` is a part of the interpreter itself: no file is read for it.
    assert loaded_by(statement) == {"__future__", "aigclens", "atexit"} | own


def test_a_call_that_is_waited_for_loads_what_its_result_is_made_of(emulator: Emulator) -> None:
    emulator.answer(url="https://example.com/cat.png", label="aigc")
    keys = (emulator.access_key_id, emulator.access_key_secret)
    client = f"a.Client(endpoint={emulator.url!r}, credentials=a.Credentials{keys!r})"
    call = f"import aigclens as a; assert {client}.detect('https://example.com/cat.png').is_aigc"
    loaded = loaded_by(call)
    assert "aigclens.models" in loaded
    assert not loaded & UNTOUCHED


def test_what_a_result_needs_is_loaded_before_its_call_is_paid_for(emulator: Emulator) -> None:
    emulator.answer(url="https://example.com/cat.png", label="aigc")
    keys = (emulator.access_key_id, emulator.access_key_secret)
    program = (
        "import aigclens, sys\n"
        f"client = aigclens.Client(endpoint={emulator.url!r}, credentials=aigclens.Credentials{keys!r})\n"
        "sys.modules['aigclens.models'] = None\n"
        "try:\n"
        "    client.detect('https://example.com/cat.png')\n"
        "except ImportError:\n"
        "    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused", done.stderr
    assert emulator.ledger().billed == 0


def test_what_is_loaded_late_is_there_all_the_same() -> None:
    program = (
        "import aigclens.credentials, aigclens.sources\n"
        "from aigclens.sources import BinaryFile, Source\n"
        "from aigclens.credentials import *\n"
        "from aigclens.credentials import CredentialsSource\n"
        "import pickle\n"
        "assert pickle.loads(b'caigclens.credentials\\nEcsRole\\n.') is EcsRole\n"
        "assert AssumeRole is aigclens.credentials.AssumeRole is aigclens.AssumeRole\n"
        "for module in (aigclens.credentials, aigclens.sources):\n"
        "    try:\n"
        "        module.nothing_of_the_kind\n"
        "    except AttributeError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "module 'aigclens.credentials' has no attribute 'nothing_of_the_kind'",
        "module 'aigclens.sources' has no attribute 'nothing_of_the_kind'",
    ]


def test_every_export_is_there_and_what_is_not_raises() -> None:
    assert aigclens.__all__ == sorted(aigclens.__all__)
    for name in aigclens.__all__:
        assert getattr(aigclens, name) is not None
        assert name in dir(aigclens)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = aigclens.nothing_of_the_kind  # type: ignore[attr-defined]
    errors = {
        name
        for name, value in vars(aigclens.errors).items()
        if inspect.isclass(value) and value.__module__ == "aigclens.errors"
    }
    assert errors <= set(aigclens.__all__)


def test_every_kind_of_the_core_is_an_exception_of_its_name() -> None:
    source = ROOT / "src" / "error.rs"
    names = re.findall(r'Self::\w+ => "(\w+)"', source.read_text())
    assert len(names) == 45
    for name in names:
        assert issubclass(getattr(aigclens, name), aigclens.AigcError)


@pytest.mark.parametrize(
    ("sync", "awaited"),
    [(aigclens.Client.detect, aigclens.AsyncClient.detect), (aigclens.detect, aigclens.adetect)],
)
def test_the_twins_take_the_same(sync: object, awaited: object) -> None:
    assert callable(sync)
    assert callable(awaited)
    assert inspect.iscoroutinefunction(awaited)
    assert not inspect.iscoroutinefunction(sync)
    one, other = inspect.signature(sync), inspect.signature(awaited)
    assert list(one.parameters.values()) == list(other.parameters.values())
    assert one.return_annotation == other.return_annotation
    assert inspect.signature(aigclens.Client) == inspect.signature(aigclens.AsyncClient)


def test_the_options_are_described_and_typed_once() -> None:
    from aigclens.options import ClientOptions

    options = set(inspect.signature(aigclens.Client).parameters)
    assert options == set(ClientOptions.__annotations__)
    described = aigclens.Client.__doc__ or ""
    assert not [name for name in options if f"        {name}:" not in described]
    calls = set(inspect.signature(aigclens.Client.detect).parameters) - {"self"}
    told = aigclens.Client.detect.__doc__ or ""
    assert not [name for name in calls if f"            {name}:" not in told]
    emulator = set(inspect.signature(aigclens.testing.Emulator).parameters)
    assert not [name for name in emulator if f"        {name}:" not in (aigclens.testing.Emulator.__doc__ or "")]


def test_everything_public_is_documented() -> None:
    for owner in (aigclens, aigclens.testing):
        for name in owner.__all__:
            value = getattr(owner, name)
            if not callable(value):
                continue
            assert (value.__doc__ or "").strip(), name
            if inspect.isclass(value):
                members = {key: member for key, member in vars(value).items() if not key.startswith("_")}
                fields = getattr(value, "__dataclass_fields__", {})
                for key, member in members.items():
                    if key not in fields and (callable(member) or isinstance(member, property)):
                        assert inspect.getdoc(member), f"{name}.{key}"
                for key in fields:
                    assert f"{key}:" in (value.__doc__ or ""), f"{name}.{key}"


def test_the_installed_package_needs_no_other() -> None:
    required = importlib.metadata.requires("aigclens") or []
    assert [one for one in required if "extra ==" not in one] == []
    assert importlib.metadata.version("aigclens") == aigclens.__version__
    package = Path(aigclens.__file__).parent
    assert (package / "py.typed").exists()
    commands = importlib.metadata.entry_points(group="console_scripts")
    assert "aigclens.cli:main" in {one.value for one in commands}


def test_rooms_are_there_without_an_import_of_their_own() -> None:
    program = "import aigclens; print(aigclens.testing.Emulator, aigclens.events.Event, aigclens.errors.AigcError)"
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    for name in aigclens._MODULES:
        assert inspect.ismodule(getattr(aigclens, name))
        assert name in dir(aigclens)


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", "15"), ("timeout", None), ("qps", "fast"), ("max_retries", 1.5), ("region", 3)]
)
def test_an_option_of_a_wrong_type_is_named(name: str, value: Any) -> None:
    with pytest.raises(aigclens.ConfigError, match=f"^{name} has a value of the wrong type"):
        aigclens.Client(**{name: value})


def test_a_parameter_of_a_wrong_type_is_named() -> None:
    number: Any = 5
    told = r"data_id is a text or None, not int; give str"
    with aigclens.Client.local() as client, pytest.raises(TypeError, match=told):
        client.detect("https://example.com/cat.png", data_id=number)
