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
