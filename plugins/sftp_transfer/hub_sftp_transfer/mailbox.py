"""An account's folders as the hub uses them: files leave in phases, and are taken when they are whole.

Shared by every plugin whose partner is a pair of SFTP folders. The cursor of `list` holds what was seen but
could not yet be taken; a token holds folder, name, size and time, so that a later file under the same name is
another file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote

import msgspec

from hub.plugin.api import Context, Evidence, Listing, Misconfigured, Outgoing, Ref, Refused, RetryLater, Step
from hub_sftp_transfer.connection import SftpConnection
from hub_sftp_transfer.files import UNKNOWN, Entry, SftpFiles, joined
from hub_sftp_transfer.settings import MailboxSettings
from hub_sftp_transfer.steps import mailbox_steps
from hub_sftp_transfer.taken import Taken
from hub_sftp_transfer.wholeness import Watched

SHORT_READS_BELIEVED = 3
SHOWN = " !#$&'()+,;=@[]^{}"
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".writing", ".uploading")
FORBIDDEN = frozenset("/\\\0\r\n\t")


class Mailbox:
    """`Transfer` and the fetching methods of a port, over one account; a plugin hands its calls on to it."""

    def __init__(self, settings: MailboxSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._connection = SftpConnection(settings, context.secrets, context.log)
        self._files = SftpFiles(self._connection)
        self._taken = Taken(context.state)
        self._short_reads: dict[str, int] = {}
        self._outdated: set[str] = set()

    def check(self, notes: Iterable[Step] = ()) -> Iterator[Step]:
        """Name, host key, login, folders, listing, one by one; changes nothing at the partner."""
        yield from notes
        yield from mailbox_steps(self._settings, self._connection, self._files)

    def close(self) -> None:
        """Hang up; harmless twice."""
        self._connection.close()

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        """The whole body under the temporary name. `Refused` when the bytes are not the frozen ones."""
        self._check_outgoing(file)
        written = self._files.put_temporary(self._temporary(file), self._until_stopped(body))
        if (written.size, written.digest) != (file.size, file.digest):
            self._files.remove(self._temporary(file))
            raise Refused("the bytes are not those that were frozen (size or SHA-256 differ); nothing was sent")
        return Evidence(kind="staged", note=f"{written.size} bytes under the temporary name")

    def publish(self, file: Outgoing) -> Evidence:
        """Rename to the name the partner looks for; see `SftpFiles.publish` for the errors."""
        self._check_outgoing(file)
        self._files.publish(self._temporary(file), self._final(file), file.size, file.digest)
        if self._settings.log_out_after_sending:
            self._connection.close()
        return Evidence(kind="published", note="the server accepted the final name")

    def confirm(self, file: Outgoing) -> Evidence | None:
        """Look for the file under its final name, by size or by reading it back; None when it is not there."""
        by = self._settings.confirm
        if self._files.confirm(self._final(file), file.size, file.digest, by):
            return Evidence(kind=f"read-back-{by}", note=f"{file.size} bytes stand in the partner's folder")
        return None

    def evidence_kinds(self) -> tuple[str, ...]:
        """Kinds of evidence that make a file sent here."""
        kinds = (f"read-back-{self._settings.confirm}",)
        return (*kinds, "published") if self._settings.partner_takes_files else kinds

    def list(self, cursor: str) -> Listing:
        """Files that stayed unchanged between two looks: the last call's, or one `settle_seconds` later."""
        before = _decoded(cursor)
        found = self._look()
        later = found
        news = any(before.get(key) != _mark(entry) for key, entry in found.items())
        if news and self._settings.settle_seconds:
            self._context.stop.wait(self._settings.settle_seconds)
            later = self._look()
        whole, waiting = [], {}
        for key, entry in later.items():
            if self._is_stable(entry, found.get(key), before.get(key)):
                whole.append(entry)
            else:
                waiting[key] = _mark(entry)
        whole.sort(key=lambda entry: (entry.mtime, entry.path))
        return Listing(refs=tuple(_ref(entry) for entry in whole), cursor=_encoded(waiting))

    def open(self, ref: Ref) -> Iterator[bytes]:
        """Stream the file; `RetryLater` at the end when it is short, has grown, or its interchange is cut.

        A cut interchange that stays as it is gets through at the third time: it is the partner's last word. A file
        that changed since it was listed is refused from then on: `list` names what it has become.
        """
        entry = _entry(ref)
        if ref.token in self._outdated:
            raise Refused("the file changed since it was listed; it is listed again as it is now")
        chunks = Watched(self._until_stopped(self._files.read(entry.path, entry.size)))
        yield from chunks
        now = self._files.look(entry.folder, entry.name)
        if now is None and self._settings.first_reader_removes:
            if entry.size not in (chunks.size, UNKNOWN):
                self._context.log.warning("sftp.short_file_removed", size=chunks.size)
            return  # reading again is no longer possible: what came is all there will ever be
        if now is not None and _mark(now) != _mark(entry):
            self._outdated.add(ref.token)
        if entry.size not in (chunks.size, UNKNOWN):
            raise RetryLater("fewer bytes came than the partner says the file holds")
        if ref.token in self._outdated:
            raise RetryLater("the file changed while it was read: it is still being written")
        if chunks.is_cut() and not self._believed(ref):
            raise RetryLater("the interchange ends before its IEA: it is still being written, or was cut")

    def done(self, ref: Ref) -> None:
        """Archive, delete or leave. A newer file under the same name is left alone; harmless when it is gone."""
        entry = _entry(ref)
        if self._settings.after_done == "leave" or self._settings.first_reader_removes:
            self._taken.add(ref.token)
            return
        now = self._files.look(entry.folder, entry.name)
        if now is None or _mark(now) != _mark(entry):
            return
        if self._settings.after_done == "delete":
            self._files.remove(entry.path)
        else:
            self._archive(entry, ref.token)

    def _look(self) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        is_taken = self._taken.reader()
        for folder in self._settings.get_folders:
            for entry in self._files.listing(folder):
                if self._is_wanted(entry.name) and not is_taken(_token(entry)):
                    found[_key(entry.path)] = entry
        return found

    def _is_wanted(self, name: str) -> bool:
        small = name.lower()
        if small.startswith(".") or small.endswith(UNFINISHED):
            return False
        matches: Callable[[str], bool] = lambda pattern: fnmatchcase(small, pattern.lower())  # noqa: E731
        return any(map(matches, self._settings.take)) and not any(map(matches, self._settings.ignore))

    def _is_stable(self, entry: Entry, found: Entry | None, mark: str | None) -> bool:
        if mark == _mark(entry):
            return True
        if entry.size == 0:  # made but not yet written to: wait for the next call
            return False
        return found is not None and _mark(found) == _mark(entry)

    def _archive(self, entry: Entry, token: str) -> None:
        folder = self._settings.archive_folder
        for name in (entry.name, f"{entry.name}.{_key(token)[:8]}"):
            if self._files.move(entry.path, joined(folder, name)):
                return
        if self._files.look(entry.folder, entry.name) is not None:
            raise Misconfigured(
                f"a fetched file could not be moved to {folder}",
                fix="check that archive_folder exists and may be written, or set after_done = leave",
            )

    def _believed(self, ref: Ref) -> bool:
        times = self._short_reads[ref.token] = self._short_reads.get(ref.token, 0) + 1
        return times >= SHORT_READS_BELIEVED or self._settings.first_reader_removes

    def _until_stopped(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._context.stop.is_set():
                raise RetryLater("the hub is shutting down")
            yield chunk

    def _check_outgoing(self, file: Outgoing) -> None:
        name, largest = file.name, self._settings.largest_bytes
        if not name or name.startswith(".") or FORBIDDEN.intersection(name) or not name.isprintable():
            raise Refused("the file's name holds a character that no folder takes", fix="change file_name")
        if len(name.encode()) > self._settings.longest_name:
            raise Refused(f"the file's name is longer than {self._settings.longest_name}", fix="change file_name")
        if largest and file.size > largest:
            raise Refused(f"the file has {file.size} bytes, the partner takes {largest}", fix="lower max_claims")

    def _final(self, file: Outgoing) -> str:
        return joined(self._settings.put_folder, file.name)

    def _temporary(self, file: Outgoing) -> str:
        return joined(self._settings.put_folder, self._settings.temporary_name.replace("{name}", file.name))


def _mark(entry: Entry) -> str:
    return f"{entry.size}:{entry.mtime}"


def _key(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:24]


def _token(entry: Entry) -> str:
    name = quote(entry.name, safe=SHOWN, errors="surrogateescape")
    return msgspec.json.encode((entry.size, entry.mtime, entry.folder, name)).decode()


def _ref(entry: Entry) -> Ref:
    modified = datetime.fromtimestamp(entry.mtime, UTC)
    name = entry.name.encode(errors="replace").decode()
    return Ref(token=_token(entry), name=name, size=entry.size, modified_at=modified)


def _entry(ref: Ref) -> Entry:
    size, mtime, folder, name = msgspec.json.decode(ref.token, type=tuple[int, int, str, str])
    return Entry(folder=folder, name=unquote(name, errors="surrogateescape"), size=size, mtime=mtime)


def _encoded(waiting: dict[str, str]) -> str:
    return msgspec.json.encode(waiting).decode() if waiting else ""


def _decoded(cursor: str) -> dict[str, str]:
    """What the last call saw; a cursor that cannot be read only costs one more look."""
    try:
        return msgspec.json.decode(cursor or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        return {}
