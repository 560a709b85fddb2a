"""What the tests of the flow share: made-up records, a stub of the plugin host, a second opinion on X12."""
