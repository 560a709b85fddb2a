"""SFTP for Billing Hub plugins: the one home of paramiko."""
