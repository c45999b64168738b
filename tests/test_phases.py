"""A training in phases: the model is prepared between them, and a cut anywhere changes nothing."""

from support.bits import assert_equal

IN_EACH_PHASE = [{"epoch": epoch, "batch": 5} for epoch in (1, 3, 5, 7)]
AT_EACH_END = [{"epoch": epoch, "end": True} for epoch in (1, 4, 5, 7)]
WHILE_PREPARED = [{"phase": 2}, {"phase": 4}]


def test_killed_ten_times_in_each_phase_and_between_it_ends_as_if_uncut(trainer, uncut, tmp_path):
    cuts = sorted(IN_EACH_PHASE + AT_EACH_END, key=lambda cut: (cut["epoch"], "end" in cut))
    cuts[2:2], cuts[7:7] = WHILE_PREPARED[:1], WHILE_PREPARED[1:]
    experience = trainer.cut_and_resume("phased", tmp_path, *cuts)
    assert_equal(experience, uncut("phased"))
    record = experience.read()
    assert len(record.sessions) == 11
    assert not record.approximate_because
