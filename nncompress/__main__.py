"""``python -m nncompress``."""

from __future__ import annotations

from nncompress.cli import main

main()
