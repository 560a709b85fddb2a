"""Patient statements to print vendors over SFTP."""
