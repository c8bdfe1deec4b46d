"""Mix adaptive context models in integer arithmetic, in the manner of PAQ; see docs/mixing.md.

Compiled functions here share the names of their arguments:

- ``s``: the :class:`~.state.State` of a predictor, which they read and write.
- ``plane``: the bit plane that is predicted or learnt, 0 (the highest bit) to 7.
- ``lo``, ``hi``: they work on the lanes lo..hi-1.
- ``bits``: what these lanes had in the plane, int32 [hi - lo], each 0 or 1.
- ``lane_state``: one lane's row of ``State.lanes``. ``keys`` and ``where`` are whole arrays or
  likewise a lane's row.
"""
