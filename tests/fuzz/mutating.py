"""Mutations that suit bytes of any kind; each fuzzer adds those of its own format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

Mutation = Callable[[bytes, Random, list[bytes]], bytes]


def mutated(base: list[bytes], random: Random, mutations: Sequence[Mutation], most_bytes: int) -> bytes:
    """One damaged input: a seed, and from one to eight mutations on it."""
    data = random.choice(base)
    for _ in range(1 + min(int(random.expovariate(0.7)), 7)):
        data = random.choice(mutations)(data, random, base)[:most_bytes]
    return data


def flip(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    """Up to six bytes become others."""
    made = bytearray(data)
    for _ in range(random.randint(1, 6) if made else 0):
        made[random.randrange(len(made))] = random.randrange(256)
    return bytes(made)


def cut_out(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    """A stretch is gone."""
    at, size = random.randint(0, len(data)), int(random.expovariate(0.02))
    return data[:at] + data[at + size :]
