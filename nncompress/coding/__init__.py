"""From a block of bytes to a payload and back: lanes in lockstep, bit plane by bit plane, one range coder."""
