"""Every table: its columns with units, its rows, and its files."""
