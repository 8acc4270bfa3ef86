"""Studies: what a stage is, where its result is kept, and how a plan of stages is run.

Nothing is done twice and nothing is lost: a stage's address is a hash of everything that can
change its result (`stage`), a result appears in one rename (`store`), and one failing stage
never stops the others (`run`).
"""
