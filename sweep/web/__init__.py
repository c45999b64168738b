"""What a browser or a notebook shows: the report, its figures, and the dashboard.

The report, in the order in which data pass through:

- `tables.py` — one row per trial and one row per epoch, as DataFrames and for a spreadsheet
- `sessions.py` — the sessions of the experiences as spans of time and of epochs
- `curves.py` — the learning curves, their quantiles, and the ends of the sessions
- `axes.py` — the parameters of the trials as axes
- `pareto.py` — the finished trials by two objectives, with the Pareto front
- `texts.py` — the texts of the report, in English and in French
- `plotly_style.py` — the look of the figures of the page
- `plotly_figures.py` — the figures for the page and for a notebook
- `matplotlib_figures.py` — the same figures as PNG for a slide
- `sections.py` — the sections of the report: each figure with its title and caption
- `page.py` — the page, from the template `page.html`
- `report.py` — the folder `rapport/`: page, pictures and tables

In a notebook and in the dashboard:

- `notebook.py` — a sweep as HTML for a cell
- `dashboard_study.py` — the study that the Optuna dashboard shows, with notes and files
- `access.py` — access control of the dashboard: what may be requested, and from where
- `dashboard.py` — the server of the Optuna dashboard

It may import all packages below it: console, running, maintenance, search, training, experience,
space, system.
"""
