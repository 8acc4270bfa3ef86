"""Translated training data: `t2t-xfer translate`."""
