"""The public HTTP interface for partners, and the doors through which providers call back."""
