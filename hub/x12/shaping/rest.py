"""What a record keeps beside its fields, so that writing it gives the very segments that were read.

Each entry is (place, canonical, raw): at `place` among the written segments stands `raw` instead of `canonical`,
wherever that would stand; without `canonical` it is a segment that no field holds, without `raw` one to leave out.
A canonical segment that an edit has changed is written as edited. Texts are kept with the delimiters `*:^`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.x12.wire import Delimiters

Rest = tuple[tuple[int, str, str], ...]

_ESCAPE = "\x1b"
_NEUTRAL = {"*": "e", ":": "c", "^": "r", _ESCAPE: "x"}


def difference(canonical: Sequence[str], raw: Sequence[str], marks: Delimiters) -> Rest:
    """What turns the canonical segments into the raw ones."""
    if list(canonical) == list(raw):
        return ()
    found = _moves(canonical, raw)
    if _applied(list(canonical), found) != list(raw):
        found = _everything(canonical, raw)
    return tuple((place, neutral(old, marks), neutral(new, marks)) for place, old, new in found)


def patched(canonical: list[str], rest: Rest, marks: Delimiters) -> list[str]:
    """The segments to write: the canonical ones with what was kept beside them."""
    return _applied(canonical, [(place, local(old, marks), local(new, marks)) for place, old, new in rest])


def _applied(texts: list[str], moves: Sequence[tuple[int, str, str]]) -> list[str]:
    held = []
    for place, old, new in moves:
        if old:
            if old not in texts:
                continue
            texts.remove(old)
        if new:
            held.append((place, new))
    for place, new in held:
        texts.insert(place, new)
    return texts


def _moves(canonical: Sequence[str], raw: Sequence[str]) -> list[tuple[int, str, str]]:
    """Takes out what does not stand in the same order on both sides, and pairs it by segment id."""
    kept = _common(canonical, raw)
    out = [text for at, text in enumerate(canonical) if at not in kept]
    back = set(kept.values())
    moves: list[tuple[int, str, str]] = []
    for place, text in enumerate(raw):
        if place not in back:
            old = _like(text, out)
            if old:
                out.remove(old)
            moves.append((place, old, text))
    return moves + [(len(raw), old, "") for old in out]


def _common(canonical: Sequence[str], raw: Sequence[str]) -> dict[int, int]:
    """Places of segments that stand in the same order on both sides, found from the front, greedily."""
    kept, start = {}, 0
    for at, text in enumerate(canonical):
        for place in range(start, len(raw)):
            if raw[place] == text:
                # a far jump would leave out all between: such a segment is moved instead
                if place - start <= 2 or text not in canonical[at + 1 :]:
                    kept[at] = place
                    start = place + 1
                break
    return kept


def _like(text: str, out: Sequence[str]) -> str:
    if text in out:
        return text
    tag = text[:3]
    return next((old for old in out if old[:3] == tag), "")


def _everything(canonical: Sequence[str], raw: Sequence[str]) -> list[tuple[int, str, str]]:
    longest = max(len(canonical), len(raw))
    return [
        (at, canonical[at] if at < len(canonical) else "", raw[at] if at < len(raw) else "")
        for at in range(longest)
    ]


def neutral(text: str, marks: Delimiters) -> str:
    """A segment text with the standard delimiters, whatever the file's are."""
    same = (marks.element, marks.component, marks.repetition) == ("*", ":", "^")
    if same and _ESCAPE not in text:
        return text
    table = {mark: _ESCAPE + letter for mark, letter in _NEUTRAL.items()}
    table.update({marks.component: ":", marks.element: "*"})
    if marks.repetition:
        table[marks.repetition] = "^"
    return "".join([table.get(one, one) for one in text])


def local(text: str, marks: Delimiters) -> str:
    """A neutral segment text with the delimiters of the file to be written."""
    same = (marks.element, marks.component, marks.repetition) == ("*", ":", "^")
    if same and _ESCAPE not in text:
        return text
    back = {letter: mark for mark, letter in _NEUTRAL.items()}
    table = {"*": marks.element, ":": marks.component, "^": marks.repetition or "^"}
    pieces = iter(text)
    return "".join([back.get(next(pieces, ""), "") if one == _ESCAPE else table.get(one, one) for one in pieces])
