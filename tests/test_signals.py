"""Signals that come while the main thread holds a lock, or while another is handled."""

import os
import signal
import subprocess
import threading

from sweep.running.signals import listening

HANGUPS = "i=0; while [ $i -lt 5000 ]; do kill -HUP $PPID; i=$((i + 1)); done"


class Controller:
    """What ``listening`` needs of one."""

    def __init__(self):
        self.stop, self.said = threading.Event(), []

    def say(self, text):
        self.said.append(text)


def test_signals_that_interrupt_each_other_never_block():
    controller = Controller()
    with listening(controller) as came:
        sender = subprocess.Popen(["sh", "-c", HANGUPS])
        while sender.poll() is None:
            controller.stop.wait(0)  # holds for a moment the lock that a stop needs
        assert len(came) > 1
    assert len(controller.said) == 1


def test_a_stop_is_heard_when_the_first_signal_comes():
    controller = Controller()
    with listening(controller):
        os.kill(os.getpid(), signal.SIGTERM)
        assert controller.stop.wait(60)
    assert controller.said == ["stopping at the next batch; once more to end at once"]
