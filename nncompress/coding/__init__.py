"""From a block of bytes to a payload and back: lanes in lockstep, plane by plane, one coder."""
