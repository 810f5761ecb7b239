"""Background loops: what is due is done again and again, apart from any request or workflow."""
