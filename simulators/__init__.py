"""Stand-ins for the outside world: HTTP programs that answer as issuers, stores and payment gateways do, and fail on request."""
