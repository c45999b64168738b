"""A page that a command serves, as a user starts it."""

import contextlib
import json
import re
import signal
import urllib.error
import urllib.request

from support.command import Program


@contextlib.contextmanager
def serving(*words):
    """Give the address that a command serves, without the path of its page, and its process."""
    program = Program(["-m", "sweep", *words, "--port", 0])
    program.wait_for(lambda: "\n" in program.shown())
    yield re.match(r"http://[^/]+", program.shown())[0], program.process
    program.process.send_signal(signal.SIGINT)
    assert program.end(30) == (0, "")


def ask(address, method="GET", body=None, **headers):
    """Return the status and the content of an answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(address, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
