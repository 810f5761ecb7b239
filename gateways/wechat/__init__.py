"""What sending by WeChat Pay and hearing from it share. Nothing here can pay: `gateways.payout` does, in the workers alone."""
