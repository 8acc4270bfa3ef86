"""The commands of `t2t-xfer`. Modules import what is heavy inside the functions that need it."""
