"""A print vendor's folders."""

from __future__ import annotations

from hub_sftp_transfer import MailboxSettings
from hub_sftp_transfer.settings import Names


class PrintSettings(MailboxSettings):
    """Statement runs (a PDF and its manifest) go into `put_folder`; result files come in `get_folders`.

    `take` names the result files: it also keeps our own manifests out where both folders are one.
    """

    put_folder: str = "statements"
    get_folders: Names = ("results",)
    take: Names = ("*.csv",)
    ignore: Names = ("*manifest*",)
