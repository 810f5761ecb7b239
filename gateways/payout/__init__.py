"""Paying sellers. The only package that moves money; the composition root of the workers alone imports it."""
