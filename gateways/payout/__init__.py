"""Paying sellers. The only package that moves money; `activities.payout` and the composition root alone import it."""
