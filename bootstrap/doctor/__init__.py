"""What is wrong with an installation, in sentences, each with what mends it. Reads only."""
