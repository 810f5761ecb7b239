"""One module per page: its Context, and the routes that fill it. Who may see what is decided here, not in templates."""
