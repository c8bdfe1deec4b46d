"""Reversible filters: what a block's bytes may be turned into before they are modelled."""
