"""What people do with X12 files: show, repair, make anonymous, compare, turn into tables."""
