"""Tables as the page shows them, column by column."""
