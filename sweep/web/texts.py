"""The texts of the report, in English and in French."""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

# The environment variables that name the locale, the strongest first.
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Noun(NamedTuple):
    """A word that is counted."""

    one: str
    many: str


@dataclass(frozen=True)
class Texts:
    """The texts of one language.

    ``states`` has a text for each ``sweep.experience.record.State``, ``endings`` one for each way
    in which a session ends. A caption may have fields: ``{metric}``, ``{other}``, ``{shown}``, …
    """

    code: str
    colon: str
    report: str
    best: str
    trial: str
    experience: str
    epoch: str
    best_so_far: str
    curves: str
    curves_caption: str
    best_curves_only: str
    finished_or_running: str
    not_finished: str
    median: str
    band: str
    session_end: str
    in_training: str
    in_validation: str
    fits: str
    fits_caption: str
    metric: str
    compare: str
    comparison: str
    same: str
    history: str
    history_caption: str
    front: str
    front_caption: str
    on_the_front: str
    not_on_the_front: str
    importances: str
    importances_caption: str
    importance: str
    too_few: str
    none_differ: str
    parallel: str
    parallel_caption: str
    slices: str
    slices_caption: str
    timeline: str
    timeline_caption: str
    time: str
    table: str
    table_caption: str
    none: str
    picture: str
    model: str
    made: str
    files: str
    session: Noun
    cut: Noun
    no_script: str
    columns: dict[str, str]
    states: dict[str, Noun]
    endings: dict[str, str]

    def count(self, number: int, noun: Noun) -> str:
        """Return a number with its noun; in French, 0 is singular."""
        is_singular = number < 2 if self.code == "fr" else number == 1
        return f"{number} {noun.one if is_singular else noun.many}"

    @property
    def separators(self) -> str:
        """The decimal mark and the mark between thousands, as plotly takes them."""
        return ",\u202f" if self.code == "fr" else ".,"

    @property
    def list_separator(self) -> str:
        """What a spreadsheet of the language expects between two cells of a CSV."""
        return ";" if self.code == "fr" else ","

    @property
    def date_format(self) -> str:
        """How a day is written, as ``strftime`` takes it."""
        return "%d/%m/%Y" if self.code == "fr" else "%Y-%m-%d"

    def date(self, moment: str) -> str:
        """Return a time in ISO 8601 as the language writes it, to the minute."""
        return datetime.fromisoformat(moment).strftime(f"{self.date_format} %H:%M")

    def decimal(self, number: str) -> str:
        """Return a number with the decimal mark of this language."""
        return number.replace(".", ",") if self.code == "fr" else number


def _unchanged(word: str) -> Noun:
    return Noun(word, word)


ENGLISH = Texts(
    code="en",
    colon=": ",
    report="Sweep report",
    best="best trial",
    trial="trial",
    experience="experience",
    epoch="epoch",
    best_so_far="best so far",
    curves="Learning curves",
    curves_caption="One line per experience. "
    "The band covers the middle 80 % of the experiences that reached each epoch.",
    best_curves_only="Only the best {shown} of {all} experiences are drawn; "
    "the band and the median cover all of them.",
    finished_or_running="finished or running",
    not_finished="paused, pruned, failed or interrupted",
    median="median",
    band="10–90 %",
    session_end="end of a session",
    in_training="training",
    in_validation="validation",
    fits="Training and validation",
    fits_caption="The best trials. Where the two lines part, the model begins to overfit.",
    metric="metric",
    compare="compare trial",
    comparison="Comparison",
    same="The same in all",
    history="Optimization history",
    history_caption="{metric} of each trial, and the best value so far.",
    front="Pareto front",
    front_caption="Each trial by its {metric} and its {other}. "
    "No trial is better than a trial on the front in every objective.",
    on_the_front="on the front",
    not_on_the_front="not on the front",
    importances="Parameter importances",
    importances_caption="The share of the differences in {metric} that each parameter explains "
    "(PED-ANOVA, by Optuna). With few trials, this is a rough estimate.",
    importance="importance",
    too_few="There are too few trials for this figure: "
    "it needs four finished trials that differ from each other.",
    none_differ="There are no two trials yet that differ.",
    parallel="Parallel coordinates",
    parallel_caption="One line per trial, in the colour of its {metric}. "
    "Drag along an axis to select trials.",
    slices="Slices",
    slices_caption="{metric} of each trial against each parameter.",
    timeline="Timeline",
    timeline_caption="When each experience was trained: one bar per session. "
    "A cross marks a cut, a circle a stop after which everything was saved.",
    time="time (UTC)",
    table="Experiences",
    table_caption="One row per trial. Click a heading to sort; tick two or more to compare them.",
    none="none",
    picture="picture for a slide",
    model="the model",
    made="Written {when} UTC by sweep {version} from the folders of the sweep.",
    files="All values:",
    session=Noun("session", "sessions"),
    cut=Noun("cut", "cuts"),
    no_script="The figures need JavaScript; the same figures are pictures beside this page.",
    columns={"trained_s": "trained (s)"},
    states={
        "finished": _unchanged("finished"),
        "cut_off": _unchanged("interrupted"),
        "paused": _unchanged("paused"),
        "failed": _unchanged("failed"),
        "pruned": _unchanged("pruned"),
        "running": _unchanged("running"),
        "new": _unchanged("new"),
    },
    endings={
        "cut": "interrupted",
        "stopped": "stopped",
        "paused": "paused",
        "outcome": "end of the training",
        "running": "running",
    },
)

# The states agree with « une expérience ».
FRENCH = Texts(
    code="fr",
    colon="\u00a0: ",
    report="Rapport de la recherche",
    best="meilleur essai",
    trial="essai",
    experience="expérience",
    epoch="époque",
    best_so_far="meilleure valeur jusque-là",
    curves="Courbes d’apprentissage",
    curves_caption="Une courbe par expérience. À chaque époque, la bande contient les 80 % "
    "centraux des expériences qui l’ont atteinte.",
    best_curves_only="Seules les {shown} meilleures des {all} expériences sont tracées ; "
    "la bande et la médiane portent sur toutes.",
    finished_or_running="terminées ou en cours",
    not_finished="en pause, élaguées, échouées ou interrompues",
    median="médiane",
    band="10–90 %",
    session_end="fin d’une session",
    in_training="entraînement",
    in_validation="validation",
    fits="Entraînement et validation",
    fits_caption="Les meilleurs essais. Là où les deux courbes s’écartent, le modèle "
    "commence à surapprendre.",
    metric="métrique",
    compare="comparer l’essai",
    comparison="Comparaison",
    same="Pareil partout",
    history="Historique de l’optimisation",
    history_caption="{metric} de chaque essai, et la meilleure valeur jusque-là.",
    front="Front de Pareto",
    front_caption="Chaque essai selon {metric} et {other}. "
    "Aucun essai n’est meilleur qu’un essai du front pour tous les objectifs à la fois.",
    on_the_front="sur le front",
    not_on_the_front="hors du front",
    importances="Importance des paramètres",
    importances_caption="La part des différences de {metric} que chaque paramètre explique "
    "(PED-ANOVA, par Optuna). Avec peu d’essais, l’estimation est grossière.",
    importance="importance",
    too_few="Il y a trop peu d’essais pour cette figure : "
    "il faut quatre essais terminés et différents.",
    none_differ="Il n’y a pas encore deux essais différents.",
    parallel="Coordonnées parallèles",
    parallel_caption="Une ligne par essai, de la couleur de son {metric}. "
    "Glisser le long d’un axe pour sélectionner des essais.",
    slices="Tranches",
    slices_caption="{metric} de chaque essai en fonction de chaque paramètre.",
    timeline="Chronologie",
    timeline_caption="Quand chaque expérience a été entraînée : une barre par session. "
    "Une croix marque une coupure, un rond un arrêt où tout a été sauvegardé.",
    time="heure (UTC)",
    table="Expériences",
    table_caption="Une ligne par essai. Cliquer sur un en-tête pour trier ; cocher deux lignes "
    "ou plus pour les comparer.",
    none="absent",
    picture="image pour une diapositive",
    model="le modèle",
    made="Écrit le {when} UTC par sweep {version}, d’après les dossiers de la recherche.",
    files="Toutes les valeurs :",
    session=Noun("session", "sessions"),
    cut=Noun("coupure", "coupures"),
    no_script="Les figures ont besoin de JavaScript ; leurs images sont à côté de cette page.",
    columns={
        "trial": "essai",
        "state": "état",
        "epoch": "époque",
        "sessions": "sessions",
        "cuts": "coupures",
        "trained_s": "entraînement (s)",
        "reason": "raison",
        "approximate": "approché",
    },
    states={
        "finished": Noun("terminée", "terminées"),
        "cut_off": Noun("interrompue", "interrompues"),
        "paused": _unchanged("en pause"),
        "failed": Noun("échouée", "échouées"),
        "pruned": Noun("élaguée", "élaguées"),
        "running": _unchanged("en cours"),
        "new": Noun("nouvelle", "nouvelles"),
    },
    endings={
        "cut": "coupure",
        "stopped": "arrêt",
        "paused": "pause",
        "outcome": "fin de l’entraînement",
        "running": "en cours",
    },
)

LANGUAGES = {"en": ENGLISH, "fr": FRENCH}


def texts_in(language: str | None) -> Texts:
    """Return the texts of a language.

    Args:
        language: ``en`` or ``fr``; None is the language of the locale, or English if the locale
            has another.
    """
    locale = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    return LANGUAGES.get(language or locale[:2].lower(), ENGLISH)
