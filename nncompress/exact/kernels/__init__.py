"""Compute a step of the integer network: a plain form in torch, and a fused one that equals it.

:mod:`.reference` is the plain form, :mod:`.fused` the one for the CPU, and :mod:`.program` a whole
step of that in one call.
"""
