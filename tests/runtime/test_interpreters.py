"""Interpreters of other kinds: a second one in the same process, and one without a lock."""

from __future__ import annotations

import subprocess
import sys
import sysconfig

import pytest

import aigclens

# Python's own module for this has had several names, and hands an error over in several ways: here it writes it down.
PROGRAM = r"""
import importlib, os, sys
import aigclens
assert aigclens.__version__, "the main interpreter has loaded it"
for name in ("_interpreters", "_xxsubinterpreters"):
    try:
        interpreters = importlib.import_module(name)
        break
    except ImportError:
        continue
read, write = os.pipe()
other = interpreters.create()
interpreters.run_string(other, f'''
import os, sys
sys.path[:] = {sys.path!r}
try:
    import aigclens
    aigclens.Client
    told = "loaded"
except ImportError as error:
    told = "ImportError: " + str(error)
except BaseException as error:
    told = type(error).__name__ + ": " + str(error)
os.write({write}, told.encode())
''')
print(os.read(read, 1000).decode())
client = aigclens.Client(endpoint="127.0.0.1:9", credentials=aigclens.Credentials("i", "s"))
print(client)
"""


@pytest.mark.skipif(sys.version_info < (3, 10), reason="needs a module for interpreters")
def test_a_second_interpreter_is_told_that_it_cannot() -> None:
    """H19: a clear ImportError, and the first interpreter goes on."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told, after = done.stdout.splitlines()
    assert told.startswith("ImportError: "), told
    assert "subinterpreters" in told
    assert after == "<Client http://127.0.0.1:9>"
    assert done.stderr == ""


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="needs a free-threaded Python")
def test_a_free_threaded_interpreter_stays_one() -> None:
    """H19: the module declares that it needs no lock, so that importing it brings none back."""
    assert aigclens.__version__
    assert not sys._is_gil_enabled()  # type: ignore[attr-defined, unused-ignore]
