# Python 2.7, all there is that runs the testsuite; started by __main__.py.
"""``python2.7 -S client.py FOLDER [options of wstest]``: run wstest, which is installed in a folder."""

import site
import sys

# With -S, what this Python has installed otherwise is not in the way.
site.addsitedir(sys.argv.pop(1))

from autobahntestsuite import fuzzing, wstest

PATIENCE = 20


def be_patient(name):
    """Let a case wait for longer than the second that most give an answer, which a busy machine may need."""
    method = vars(fuzzing.FuzzingProtocol)[name]
    setattr(fuzzing.FuzzingProtocol, name, lambda protocol, delay: method(protocol, PATIENCE * delay))


be_patient("killAfter")
be_patient("closeAfter")
wstest.run()
