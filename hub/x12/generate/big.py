"""Files as big as wanted: a few true claims or payments, repeated with numbers of their own, as a stream."""

from __future__ import annotations
