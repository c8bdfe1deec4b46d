"""Speak to the machine: compiling, intrinsics, tables of addresses, int8 products, resources."""
