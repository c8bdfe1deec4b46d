"""Compute a step of the integer network on a GPU, in a handful of kernels written in Triton.

Each kernel gives the integers of the stages of :mod:`nncompress.exact.kernels.reference` that it
stands for. :mod:`.program` says which these are. Triton is imported by these modules alone.
"""
