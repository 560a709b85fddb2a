"""HL7 files in the folders of an SFTP account: taken when they are whole, archived when the hub has stored them.

As `hub.plugin.api.folder` does with a folder of this machine: files come oldest first, each once; one that is still
being written does not come (its size and time must hold still over `settle_seconds` and while it is read); a file is
archived, deleted or left (`after_done`) only when the cursor that names it came back. Neither ids nor the cursor hold
a file's name: it may be a patient's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec
from hub_sftp_transfer import MailboxSettings
from pydantic import Field

from hub.plugin.api import Changes, Context, RawMessage, Ref, Refused, RetryLater, Step


class SftpDropSettings(MailboxSettings):
    """`[connectors.NAME.settings.sftp]`: the account, its folders, and what becomes of a file that was taken."""

    after_done: Literal["leave", "delete", "archive"] = Field(
        default="leave", description="what becomes of a file that was taken; archive needs archive_folder"
    )
    batch_bytes: int = Field(default=8 << 20, gt=0, description="about how many bytes one pull returns")


class _Cursor(msgspec.Struct):
    """What the last look saw and could not take yet, and digests of files that were taken with it."""

    seen: str = ""
    done: list[str] = []
    partly: str = ""
    pieces: int = 0


class SftpDrop:
    """Reads an account's files for a source; `pieces` cuts a file's bytes into the bodies of its messages."""

    def __init__(
        self,
        settings: SftpDropSettings,
        context: Context,
        content_type: str,
        pieces: Callable[[str, bytes], Iterable[bytes]],
    ) -> None:
        from hub_sftp_transfer import Mailbox

        self._settings = settings
        self._content_type = content_type
        self._pieces = pieces
        self._stop = context.stop
        self._mailbox = Mailbox(settings, context)

    def changes(self, cursor: str) -> Changes:
        """What is new since `cursor`; raises what the connection raises."""
        was = _decoded(cursor)
        listing = self._mailbox.list(was.seen)
        now = _Cursor(seen=listing.cursor, partly=was.partly, pieces=was.pieces)
        fresh: list[Ref] = []
        for ref in listing.refs:
            if _digest(ref.token) in was.done:
                self._mailbox.done(ref)
            else:
                fresh.append(ref)
        messages, more = self._take(fresh, now)
        return Changes(messages=tuple(messages), cursor=msgspec.json.encode(now).decode(), more=more)

    def check(self) -> Iterator[Step]:
        """Name, host key, login, folders, one by one."""
        yield from self._mailbox.check()

    def close(self) -> None:
        """Hang up; harmless twice."""
        self._mailbox.close()

    def _take(self, refs: list[Ref], now: _Cursor) -> tuple[list[RawMessage], bool]:
        messages: list[RawMessage] = []
        failed: list[RetryLater] = []
        for ref in refs:
            if sum(len(one.body) for one in messages) >= self._settings.batch_bytes or self._stop.is_set():
                return messages, True
            try:
                body = b"".join(self._mailbox.open(ref))
            except Refused:  # it changed since it was listed: a later look names what it has become
                continue
            except RetryLater as error:
                failed.append(error)
                continue
            if not self._cut(ref, body, messages, now):
                return messages, True
        if failed and not now.done:
            raise failed[0]
        return messages, False

    def _cut(self, ref: Ref, body: bytes, messages: list[RawMessage], now: _Cursor) -> bool:
        """Add the file's messages, from where the last call stopped; False where they do not all have room."""
        room = self._settings.batch_bytes - sum(len(one.body) for one in messages)
        skip = now.pieces if now.partly == _digest(ref.token) else 0
        now.partly, now.pieces = "", 0
        for nth, piece in enumerate(self._pieces(ref.name, body)):
            if nth < skip:
                continue
            if room <= 0:
                now.partly, now.pieces = _digest(ref.token), nth
                return False
            messages.append(self._message(ref, nth, piece))
            room -= len(piece)
        now.done.append(_digest(ref.token))
        return True

    def _message(self, ref: Ref, nth: int, piece: bytes) -> RawMessage:
        digest = hashlib.sha256(f"{ref.name}\0{nth}\0".encode() + piece).hexdigest()
        return RawMessage(external_id=digest[:40], content_type=self._content_type, body=piece)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()[:24]


def _decoded(cursor: str) -> _Cursor:
    """A cursor that cannot be read costs that files are read again: the hub knows their messages again."""
    try:
        return msgspec.json.decode(cursor or "{}", type=_Cursor)
    except msgspec.DecodeError:
        return _Cursor()


class BothCursors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cursor of a source that takes files from a folder and from an account."""

    folder: str = ""
    sftp: str = ""


def both(cursor: str) -> BothCursors:
    """The two cursors; one that was written before there was an account is the folder's."""
    try:
        return msgspec.json.decode(cursor or "{}", type=BothCursors)
    except msgspec.DecodeError:
        return BothCursors(folder=cursor)
