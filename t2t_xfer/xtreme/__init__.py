"""XTREME's own files: what lies where, how it is read, scored and written.

P/xnli/test-de.tsv    one label a line              P/xquad/test-de.json    {question id: text}
P/udpos/test-de.tsv   one tag a line, a blank line after each sentence
"""

from t2t_xfer.xtreme.layout import TASKS, XtremeTask
from t2t_xfer.xtreme.score import score_folders

__all__ = ["TASKS", "XtremeTask", "score_folders"]
