"""Our figures, measured by the repository itself. `just bench NAME [--json FILE]`; see README.md here."""
