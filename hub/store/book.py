"""The ledger's book: transactions posted once, entries numbered for good, sums by any dimension."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import batched if False else islice
