"""Money under faults: a machine that pays, holds, reverses and closes months while everything breaks, and counts after each step."""
