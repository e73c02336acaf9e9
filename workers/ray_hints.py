"""Where one looks at a run on Ray, said once at its beginning: pure, so that no Ray is needed to read it."""

from __future__ import annotations

from collections.abc import Iterator

#: the classes of our actors, which is how Ray's dashboard and `ray list actors` call them
ACTORS = ("Worker", "Scorer", "DeskActor", "SeenActor")


def hints(dashboard: str, here: str) -> Iterator[str]:
    """What to say, line by line.

    Args:
        dashboard: "HOST:PORT" of the cluster's dashboard; "" where it has none, as a Ray of our own.
        here: "USER@HOST", by which somebody reaches this machine.
    """
    if not dashboard:
        yield "This Ray has no dashboard; `pairtrawl live RUN` shows how the run goes."
        return
    host, _, port = dashboard.rpartition(":")
    yield (
        f"Ray's dashboard is at http://{dashboard}; from elsewhere: ssh -N -L {port}:{host}:{port} {here}, then "
        f"http://localhost:{port}. Our actors are called {', '.join(ACTORS[:-1])} and {ACTORS[-1]}."
    )
    yield "It shows processes; `pairtrawl live RUN` shows the run."
