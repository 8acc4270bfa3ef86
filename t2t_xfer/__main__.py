"""`python -m t2t_xfer` is `t2t-xfer`."""

from t2t_xfer.cli import main

main()
