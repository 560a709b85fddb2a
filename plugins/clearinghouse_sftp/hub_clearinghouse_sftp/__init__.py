"""Clearinghouses that exchange X12 files over SFTP."""
