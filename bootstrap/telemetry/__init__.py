"""What every process tells of itself: metrics, traces and logs."""
