"""What the report says, in English and in French."""

import os
from dataclasses import dataclass

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True)
class Texts:
    """The words of one language. ``states`` are those of ``sweep.experience.record.State``, ``ends`` those of a session."""

    code: str
    colon: str
    report: str
    best: str
    trial: str
    epoch: str
    best_so_far: str
    curves: str
    curves_say: str
    only_the_best: str
    each: str
    grey: str
    median: str
    band: str
    cut: str
    history: str
    history_say: str
    front: str
    front_say: str
    on_the_front: str
    others: str
    importances: str
    importances_say: str
    importance: str
    too_few: str
    parallel: str
    parallel_say: str
    slices: str
    slices_say: str
    timeline: str
    timeline_say: str
    time: str
    table: str
    table_say: str
    none: str
    picture: str
    model: str
    made: str
    files: str
    sessions: str
    cuts: str
    no_script: str
    columns: dict[str, str]
    states: dict[str, str]
    ends: dict[str, str]


ENGLISH = Texts(
    code="en",
    colon=": ",
    report="Report of the sweep",
    best="The best",
    trial="trial",
    epoch="epoch",
    best_so_far="best so far",
    curves="Learning curves",
    curves_say="One line an experience. The band holds the middle 80 % of the experiences that reached an epoch.",
    only_the_best="Drawn are the best {shown} of {all} experiences; the band and the median are of all.",
    each="finished or running",
    grey="pruned, failed or cut off",
    median="median",
    band="10–90 %",
    cut="end of a session",
    history="Optimization history",
    history_say="The {metric} of each trial, and the best so far.",
    front="Pareto front",
    front_say="Each trial by its {metric} and its {other}. No trial is better than one of the front in all aims.",
    on_the_front="on the front",
    others="the others",
    importances="Parameter importances",
    importances_say="What share of the differences in {metric} each parameter explains (PED-ANOVA, by Optuna). "
    "Of few trials, it is rough.",
    importance="importance",
    too_few="There are too few trials for this yet: four finished ones that differ will do.",
    parallel="Parallel coordinates",
    parallel_say="One line a trial; the brighter, the better. Drag along an axis to choose.",
    slices="Slices",
    slices_say="The {metric} of each trial over each parameter.",
    timeline="Time line",
    timeline_say="When each experience trained: one bar a session. A cross is a cut, a circle a stop that saved.",
    time="time (UTC)",
    table="Experiences",
    table_say="One row a trial. Click on a heading to sort.",
    none="none",
    picture="picture for a slide",
    model="the model",
    made="Written {when} UTC by sweep {version}, from the folders in {root}.",
    files="All numbers:",
    sessions="sessions",
    cuts="cuts",
    no_script="The figures need JavaScript; their pictures are beside this page.",
    columns={"trained_s": "trained (s)"},
    states={
        "finished": "finished",
        "cut_off": "cut off",
        "failed": "failed",
        "pruned": "pruned",
        "running": "running",
        "new": "new",
    },
    ends={"cut": "cut off", "stopped": "stopped", "outcome": "its end", "running": "running"},
)

FRENCH = Texts(
    code="fr",
    colon="\u00a0: ",
    report="Rapport du balayage",
    best="La meilleure",
    trial="essai",
    epoch="epoch",
    best_so_far="meilleure jusque-là",
    curves="Courbes d’apprentissage",
    curves_say="Une courbe par expérience. À chaque epoch, la bande contient les 80 % du milieu des expériences qui l’ont "
    "atteinte.",
    only_the_best="Seules les {shown} meilleures des {all} expériences sont tracées ; "
    "la bande et la médiane portent sur toutes.",
    each="terminées ou en cours",
    grey="élaguées, échouées ou coupées",
    median="médiane",
    band="10–90 %",
    cut="fin d’une session",
    history="Historique de l’optimisation",
    history_say="{metric} de chaque essai, et la meilleure valeur jusque-là.",
    front="Front de Pareto",
    front_say="Chaque essai selon {metric} et {other}. Aucun n’est meilleur qu’un essai du front pour tous les objectifs.",
    on_the_front="sur le front",
    others="les autres",
    importances="Importance des paramètres",
    importances_say="La part des différences de {metric} que chaque paramètre explique (PED-ANOVA, par Optuna). "
    "Avec peu d’essais, c’est approximatif.",
    importance="importance",
    too_few="Il y a encore trop peu d’essais : quatre essais terminés et différents suffisent.",
    parallel="Coordonnées parallèles",
    parallel_say="Une ligne par essai ; plus elle est vive, meilleur est l’essai. Glisser le long d’un axe pour choisir.",
    slices="Tranches",
    slices_say="{metric} de chaque essai en fonction de chaque paramètre.",
    timeline="Chronologie",
    timeline_say="Quand chaque expérience a été entraînée : une barre par session. Une croix est une coupure, "
    "un rond un arrêt avec sauvegarde.",
    time="heure (UTC)",
    table="Expériences",
    table_say="Une ligne par essai. Cliquer sur un en-tête pour trier.",
    none="absent",
    picture="image pour une diapositive",
    model="le modèle",
    made="Écrit le {when} UTC par sweep {version}, d’après les dossiers de {root}.",
    files="Toutes les valeurs :",
    sessions="sessions",
    cuts="coupures",
    no_script="Les figures ont besoin de JavaScript ; leurs images sont à côté de cette page.",
    columns={
        "trial": "essai",
        "state": "état",
        "sessions": "sessions",
        "cuts": "coupures",
        "trained_s": "entraînement (s)",
        "reason": "raison",
        "approximate": "approché",
    },
    states={
        "finished": "terminé",
        "cut_off": "coupé",
        "failed": "échoué",
        "pruned": "élagué",
        "running": "en cours",
        "new": "nouveau",
    },
    ends={
        "cut": "coupure",
        "stopped": "arrêt",
        "outcome": "fin de l’entraînement",
        "running": "en cours",
    },
)

LANGUAGES = {"en": ENGLISH, "fr": FRENCH}


def texts_in(language: str | None) -> Texts:
    """Return the words of a language, ``en`` or ``fr``; None is that of the locale, and English where it is another."""
    locale = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    return LANGUAGES.get(language or locale[:2].lower(), ENGLISH)
