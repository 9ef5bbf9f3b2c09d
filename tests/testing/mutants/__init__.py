"""Backends that are broken on purpose: each breaks one rule of the contract, and should break no other."""
