"""What a browser or a notebook shows: the report, its figures, and the dashboard.

The report, in the order in which data pass through:

- `tables.py` — one row per trial and one row per epoch, as DataFrames and for a spreadsheet
- `epoch_logs.py` — what the best experiences have logged: every metric of every epoch
- `curves.py` — the learning curves, their quantiles, and the ends of the sessions
- `fits.py` — the metrics of the best trials in training and in validation
- `axes.py` — the parameters of the trials as axes
- `pareto.py` — the finished trials by two objectives, with the Pareto front
- `texts.py` — the texts of the report, in English and in French
- `plotly_style.py` — the look of the figures of the page
- `plotly_curves.py` — the learning curves for the page and for a notebook
- `plotly_figures.py` — the other figures for them
- `matplotlib_figures.py` — the same figures as PNG for a slide
- `sections.py` — the sections of the report: each figure with its title and caption
- `page_table.py` — the table of the page: its rows, and the columns that differ in them
- `page.py` — the page, from the files in `template/`
- `report.py` — the folder `rapport/`: page, pictures and tables, or one file to hand on

In a notebook and in the dashboard:

- `notebook.py` — a sweep as HTML for a cell
- `dashboard_study.py` — the study that the Optuna dashboard shows, with notes and files
- `access.py` — access control: what may be requested, and from where
- `server.py` — what serves a page to this machine, from a thread
- `served_report.py` — the report of a running sweep, served
- `dashboard.py` — the Optuna dashboard, served

It may import all packages below it: console, running, maintenance, search, training, experience,
space, system.
"""
