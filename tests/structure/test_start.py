"""A command's options are there before any heavy library is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nncompress.cli.app import COMMANDS
from tests.children import environment


@pytest.mark.parametrize("module", sorted(set(COMMANDS.values())))
def test_the_module_of_a_command_loads_no_heavy_library(module):
    code = (
        f"import sys, nncompress.cli.{module};"
        "print(*{'numba', 'numpy', 'torch'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.strip() == ""
