"""Names of devices: what is taken, and what is refused in one clear line."""

from __future__ import annotations

import pytest
import torch

from nncompress.errors import ConfigError, DeviceError
from nncompress.machine.device import torch_device


def test_the_cpu_is_always_there():
    assert torch_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["abacus", "", "cuda:x", "mps", "meta"])
def test_a_wrong_name_is_refused(name):
    with pytest.raises(ConfigError, match=r"^[^\n]*use cpu or cuda$"):
        torch_device(name)


def test_a_device_that_is_not_there_is_another_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"^[^\n]*--device cpu"):
        torch_device("cuda:1")
