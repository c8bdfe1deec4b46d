"""Count what archives do not carry: the model and the program."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nncompress.coding.options import CodingOptions
from nncompress.errors import ModelError

from .baselines import load
from .published import prize_entry, training_warning


def counted_sizes(payload: int, model: int, program: int) -> dict[str, int]:
    """Return bytes in the three ways to count: a trained model is knowledge, and so is a program.

    Args:
        payload: bytes of the archive, or of the ideal code length.
        model: bytes of the model file.
        program: bytes of the program.
    """
    return {
        "payload": payload,
        "payload_and_model": payload + model,
        "payload_model_and_program": payload + model + program,
    }


def own_baselines(options: CodingOptions) -> dict[str, Any]:
    """Return what is known of nncompress beside published figures before anything is measured.

    Args:
        options: whose model counts; where it is missing or damaged its size is not known.

    Returns:
        ``warning``, what the model may know of the files, and ``entries``, one for each corpus in
        the Hutter Prize's terms.
    """
    from nncompress.coding.opening import model_file
    from nncompress.exact.modelfile import read_metadata

    size, program = None, program_size()
    try:
        path = model_file(options)
        warning = training_warning(path.stem, json.loads(read_metadata(path)["summary"]))
        size = path.stat().st_size
    except (ModelError, OSError, KeyError, ValueError) as error:
        warning = f"nothing is known of the model: {error}"
    entries = [asdict(prize_entry(corpus, None, size, program)) for corpus in load()["corpora"]]
    return {"warning": warning, "entries": entries}


def program_size() -> int:
    """Return the bytes of this package's source, zipped, without training, reports and models.

    Python and the libraries are not counted.
    """
    package = Path(__file__).parents[1]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(package.rglob("*.py")):
            name = path.relative_to(package).as_posix()
            if not name.startswith(("network/", "quantize/", "reports/", "training/")):
                archive.write(path, name)
    return len(zipped.getvalue())
