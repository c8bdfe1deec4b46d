"""Make the predictor that a block's method and profile ask for, from what the model holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from nncompress.archive.format import Method
from nncompress.errors import ConfigError, DamagedArchiveError, ModelError
from nncompress.lanes import Layout

from .levels import CLUSTER_ARRAYS, PROFILES, initial_prefix
from .records import NO_RECORDS, Records

if TYPE_CHECKING:
    from nncompress.exact.modelfile import Model
    from nncompress.mixing.clusters import Clusters
    from nncompress.mixing.profiles import Profile

    from .planes import StepPredictor


def make_predictor(
    model: Model | None, method: Method, number: int, layout: Layout, records: Records = NO_RECORDS
) -> StepPredictor:
    """Make the predictor of one block.

    Args:
        model: needed for the methods that use a network, not used for the others.
        method: how the block is coded; not stored.
        number: of the mixing profile; 0 where nothing is mixed.
        layout: the block's lanes.
        records: the block's.

    Raises:
        DamagedArchiveError: the method has no profile of that number.
    """
    if method is Method.NETWORK:
        from .network_predictor import NetworkPredictor

        return NetworkPredictor(layout.lanes)
    from nncompress.mixing.predictor import Predictor

    profile, own = find_profile(method, number), model if method.needs_model else None
    initial, clusters = initial_of(own, method, number), clusters_of(own)
    place = layout.lanes, layout.size
    return Predictor(profile, *place, initial, clusters, records.period, records.step)


def check_mixing(model: Model, label: str) -> None:
    """Check that a mixer can be made from each of a model's arrays.

    Args:
        model: a model that is not known to be sound.
        label: what errors call it.

    Raises:
        ModelError: they do not fit the mixer.
    """
    if len({name in model.mixing for name in CLUSTER_ARRAYS}) > 1:
        raise ModelError(f"{label}: the model has one of {' and '.join(CLUSTER_ARRAYS)} alone")
    try:
        for method, number in PROFILES:
            if method.needs_model:
                make_predictor(model, method, number, Layout(1, 1))
    except ConfigError as error:
        raise ModelError(f"{label}: {error}") from None


def predictor_memory(model: Model | None, method: Method, number: int, layout: Layout) -> int:
    """Return the bytes that :func:`make_predictor`'s tables take; arguments as there."""
    if method is Method.NETWORK:
        return (257 + 1) * 8 * layout.lanes  # running sums of weights, and nodes
    if method not in (Method.MIXING, Method.NETWORK_MIXING):
        return 0
    from nncompress.mixing.allocation import memory_bytes

    width = model.parameters.config.dim if model is not None and method.needs_model else 0
    return memory_bytes(find_profile(method, number), layout.lanes, layout.size, width)


def find_profile(method: Method, number: int) -> Profile:
    """Return the profile that a payload's first byte names, or raise DamagedArchiveError."""
    profile = PROFILES.get((method, number))
    if profile is None:
        raise DamagedArchiveError(
            f"damaged archive: no mixer profile {number} for method {method.label}"
        )
    return profile


def clusters_of(model: Model | None) -> Clusters | None:
    """Return the clusters of hidden vectors that a model tells apart; None without a model."""
    from nncompress.mixing.clusters import Clusters

    if model is None:
        return None
    weight, bias = (model.mixing.get(name) for name in CLUSTER_ARRAYS)
    width = model.parameters.config.dim
    if weight is None or bias is None:
        return Clusters.none(width)
    clusters = Clusters(weight, bias)
    if not clusters.are_valid() or weight.shape[1] != width:  # kernels do not look
        raise ConfigError("the model's clusters do not fit its network")
    return clusters


def initial_of(model: Model | None, method: Method, number: int) -> dict[str, NDArray[Any]] | None:
    """Return the starting values that a model has for a profile, if any."""
    if model is None:
        return None
    prefix = initial_prefix(method, number)
    found = {
        name[len(prefix) :]: array
        for name, array in model.mixing.items()
        if name.startswith(prefix)
    }
    return found or None
