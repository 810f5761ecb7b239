"""What people are notified of, in the console and outside: what pages show."""
