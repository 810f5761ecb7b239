"""The demo: its people, partner and outlets, made with fresh secrets at the first start, and the cards it sends through."""
