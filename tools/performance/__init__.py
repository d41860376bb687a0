"""The table of speed in docs/performance: measured by tools/bench, ours and the peer in one run; see __main__.py."""
