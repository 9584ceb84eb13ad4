"""The command line: one file per subcommand; each parses, calls one function and prints."""
