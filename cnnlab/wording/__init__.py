"""Rows of tables in, numbers and sentences out, as people read them; one place for the words of each verdict."""
