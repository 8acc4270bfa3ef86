"""Proposing a task file from a data set: `t2t-xfer tasks new`.

What is proposed comes with its reason, what the data do not tell is asked, and the rows decide
rather than the names of their columns wherever both speak.
"""
