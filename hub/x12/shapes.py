"""Shapes: which record a loop of a guide is, declared once; reading and writing it without a tree.

A shape is a list of rows in the guide's order; `reader` and `writer` compile it to plain functions:

    PAYER = shape(Payer, "1000A", row("N1 PR", "02=name 03=id_kind 04=id"), row("N3", "01=address.line1 ..."))
    record, i = reader(PAYER, marks)(texts, i)      # texts end with ""; i is where the loop ended
    writer(PAYER, marks)(record, out)               # appends segment texts to the list `out`

`write(read(x))` gives the segments of x byte for byte: what has no field, or is not spelled or ordered as the
writer would, is kept in the record's `rest`. A value that cannot be read raises `Unreadable`, and nothing else
is ever raised. The reader has a quick way, for what stands as the writer would write it, and a careful one.
"""

from __future__ import annotations

from functools import lru_cache

from hub.x12.shaping.kinds import Kind, Unreadable, kind, words
from hub.x12.shaping.learning import Learned
from hub.x12.shaping.looping import compile_reader
from hub.x12.shaping.rest import Rest
from hub.x12.shaping.rows import Reader, Shape, Writer, each, many, one, row, shape, values
from hub.x12.shaping.writing import compile_writer
from hub.x12.wire import Delimiters

__all__ = [
    "Kind",
    "Learned",
    "Reader",
    "Rest",
    "Shape",
    "Unreadable",
    "Writer",
    "each",
    "kind",
    "learner",
    "many",
    "one",
    "reader",
    "row",
    "shape",
    "values",
    "words",
    "writer",
]


@lru_cache(maxsize=256)
def reader(shape: Shape, marks: Delimiters) -> Reader:
    """The reader of an outermost shape: `read(texts, i, *given) -> (record, next i)`.

    `texts[i]` is the opener and the list ends with "". Raises `Unreadable`, with the index of the segment.
    """
    return compile_reader(shape, marks)[0]


@lru_cache(maxsize=16)
def learner(shape: Shape, marks: Delimiters) -> Learned:
    """What the process has learned of reading this shape: the quickest way to read a file of many."""
    return Learned(shape, marks)


def writer(shape: Shape, marks: Delimiters) -> Writer:
    """The writer of a shape: `write(record, out)` appends its segment texts."""
    return compile_writer(shape, marks)
