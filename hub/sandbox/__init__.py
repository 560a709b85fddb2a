"""A simulated outside world for demos and tests: it sees nothing of the hub but bytes that arrive over SFTP.

    with Sandbox.start(root, clock, seed=1, options=SandboxOptions()) as sandbox:
        sandbox.clearinghouse, sandbox.printer   # Endpoint: host, port, user, password, key file, fingerprint
        sandbox.advance()                        # take what came, put out what is due by the clock
        sandbox.report()                         # what the partners received and paid, by their own books

Import from `hub.sandbox.sandbox` and `hub.sandbox.options`; this package imports nothing by itself.
"""
