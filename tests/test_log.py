"""``log.csv``: only whole rows count, and what no training wrote is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.command import in_keras
from sweep.experience.log_csv import (
    BestEpoch,
    LogUnreadable,
    best_of,
    check_header,
    curve_of,
    read_curve,
)
from sweep.space.objectives import Objective

ACC = Objective("val_acc", "max")
HEADER = b"epoch,acc,loss,val_acc,val_loss\r\n"
ROWS = [b"0,0.5,1.0,0.25,1.5\r\n", b"1,0.6,0.9,0.75,1.4\r\n", b"2,0.7,0.8,0.75,1.3\r\n"]
LOG = HEADER + b"".join(ROWS)


@pytest.mark.parametrize("length", range(len(LOG) + 1))
def test_a_log_torn_at_any_byte_has_the_whole_rows_before_it(tmp_path, length):
    path = tmp_path / "log.csv"
    path.write_bytes(LOG[:length])
    whole = max(0, LOG[:length].count(b"\n") - 1)
    assert read_curve(path, "val_acc") == [0.25, 0.75, 0.75][:whole]


def test_no_log_has_no_rows(tmp_path):
    assert read_curve(tmp_path / "log.csv", "val_acc") == []


def test_in_mode_min_the_best_is_the_lowest():
    assert best_of([0.5, 0.25, 0.25, float("nan")], Objective("val_loss", "min")) == BestEpoch(
        0.25, 1
    )


def test_the_first_of_equal_values_is_the_best():
    assert best_of([0.25, 0.75, 0.75], ACC) == BestEpoch(0.75, 1)


def test_nan_is_never_the_best():
    assert best_of([float("nan"), 0.1, float("nan")], ACC) == BestEpoch(0.1, 1)
    assert best_of([float("nan")], ACC) is None
    assert best_of([], ACC) is None


@given(st.lists(st.floats(0, 1)))
def test_the_best_is_the_highest(values):
    best = best_of(values, ACC)
    assert best is None if not values else best == (max(values), values.index(max(values)))


@pytest.mark.parametrize(
    "log",
    [
        b"a,b,c\r\n1,2,3\r\n",
        b"epoch,acc,loss\r\n0,1,2\r\n",
        HEADER + ROWS[0] + ROWS[2],
        HEADER + ROWS[1],
        HEADER + b"0,0.5,1.0\r\n",
        HEADER + b"0,0.5,1.0,hello,1.5\r\n",
        HEADER + ROWS[0][:-4] + ROWS[1],
        b"\xff\xfe\r\n",
    ],
)
def test_a_log_that_no_training_wrote_is_refused_by_its_path(tmp_path, log):
    with pytest.raises(LogUnreadable, match=r"log\.csv"):
        curve_of(log, tmp_path / "log.csv", "val_acc")


def test_a_changed_set_of_metrics_is_refused(tmp_path):
    columns = HEADER.decode().strip().split(",")
    assert check_header(LOG, tmp_path, "val_acc", columns) == columns
    with pytest.raises(LogUnreadable, match="auc"):
        check_header(LOG, tmp_path, "val_acc", [*columns[:1], "auc", *columns[1:]])


def test_what_stands_in_a_foreign_log_is_shown_in_part_and_in_letters():
    with pytest.raises(LogUnreadable) as refused:
        check_header(bytes(range(128, 256)) * 20 + b"\x1b[31m,\n", Path("log.csv"), "val_acc")
    assert str(refused.value).isascii() or "…" in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


LONG = """
import json, time
from pathlib import Path
from sweep.training.saving.log_callback import Log

class Model:
    stop_training = False

path = Path(PATH)
log = Log(path)
log.set_model(Model())
log.on_train_begin()
begun = time.monotonic()
for epoch in range(30_000):
    log.on_epoch_end(epoch, {"loss": 1.23456789, "val_acc": epoch / 30_000})
    last = log.file.last_row()
print(json.dumps([time.monotonic() - begun, last, log.file.text() == path.read_bytes().decode()]))
"""


@pytest.mark.long
def test_thirty_thousand_epochs_are_logged_in_seconds(tmp_path):
    """Each epoch encoded the whole text anew, which took two minutes for as many."""
    path = tmp_path / "log.csv"
    seconds, last, is_whole = in_keras(LONG.replace("PATH", repr(str(path))))
    assert seconds < 30
    assert is_whole
    assert last.startswith("29999,1.23456789,0.9999")
    assert len(read_curve(path, "val_acc")) == 30_000


CUT = """
from pathlib import Path
from sweep.training.saving.log_callback import LogFile

path = Path(PATH)
log = LogFile(path)
log.read()
log.write("epoch,acc\\r\\n0,0.5\\r\\n")
log.write_now()
path.write_bytes(b"epoch,acc\\r\\n")
log.write("1,0.6\\r\\n")
log.write_now()
print(str(path.read_bytes() == b"epoch,acc\\r\\n0,0.5\\r\\n1,0.6\\r\\n").lower())
"""


def test_a_log_that_was_cut_meanwhile_gets_no_hole(tmp_path):
    """A machine that woke from a suspend left NUL bytes in it."""
    assert in_keras(CUT.replace("PATH", repr(str(tmp_path / "log.csv")))) is True
