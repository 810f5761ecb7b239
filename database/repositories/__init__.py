"""What the activities and web services read and write, one file per subject; the caller's transaction is the only commit."""
