"""What keeps data safe and as long as it must: backups, restore drills, retention, legal holds."""
