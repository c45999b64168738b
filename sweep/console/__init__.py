"""What a terminal shows: the results, the status, and the live progress of a sweep.

The files, in the order in which data pass through:

- `results.py` — the rows of a sweep as a DataFrame, JSON or CSV, and the best trial
- `table.py` — the rows as a table for a reader
- `headline.py` — sentences for the progress of a sweep and for the end of a trial
- `status.py` — the progress of a sweep, the cost of its cuts, and who runs it, in lines
- `drawing.py` — the bars and rows of the live view
- `live.py` — the live view: looks at the folders again and again, and draws or prints
- `progress.py` — the progress of a running sweep, for the controller and the commands

It may import wording, errors, system, settings, space, experience, training.protocol and search.
"""
