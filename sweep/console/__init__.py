"""What a terminal shows: the results, the status, and the live progress of a sweep.

The files, in the order in which data pass through:

- `results.py` — the rows of a sweep as a DataFrame, JSON or CSV, and the best trial
- `text_table.py` — a table as lines of text
- `table.py` — the rows as a table for a reader
- `headline.py` — sentences for the progress of a sweep and for the end of a trial
- `status.py` — the progress of a sweep, the cost of its cuts, and who runs it, in lines
- `columns.py` — rows that are never wrapped, for the live view
- `drawing.py` — the bars and rows of the live view
- `screens.py` — where it is drawn: on a terminal, in a cell of a notebook, or nowhere
- `live.py` — the live view: looks at the folders again and again, and draws or prints
- `progress.py` — the progress of a running sweep, for the controller and the commands

It may import wording, errors, system, settings, space, experience, training.protocol and search.
"""
