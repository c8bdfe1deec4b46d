"""All that speaks to the processor: compiling, intrinsics, atomics, tables of addresses, int8 products, resources."""
