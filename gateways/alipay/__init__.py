"""What sending to Alipay and hearing from it share. Nothing here can pay: `gateways.payout` does, in the workers alone."""
