"""Pages on this machine for the one person at it: judging a sample, watching a run. One small server for all of them.

It listens on 127.0.0.1 and nowhere else. That alone is no lock: every program and every web page in a browser of the
machine can knock there. So an address holds a token of 256 bits, which becomes a cookie (`gate`), and pages run nothing
that is not ours (`frame`).
"""
