"""The studio: `python app.py` opens the library and serves the page until it is told to end."""

from __future__ import annotations

import argparse
import contextlib
import hmac
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_dir

from studio.backends.load import BACKENDS, load_backend
from studio.backends.protocol import Backend
from studio.errors import BadInput, LibraryError, StudioError

if TYPE_CHECKING:
    from studio.worker import Worker

LOCAL = ("127.0.0.1", "localhost", "::1")
PORTS_TRIED = 50
WARM_UP_SECONDS = 2.0  # the first page comes first: importing torch would slow it
log = logging.getLogger("studio")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line. Raises BadInput where it asks for an open host without a password."""
    parser = argparse.ArgumentParser(prog="app.py", description="R3 Studio: make a picture by Reason, Reflect, Refine.")
    parser.add_argument("--library", type=Path, metavar="DIR", help="where sessions are kept (the user's data folder)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve on; others need a password")
    parser.add_argument("--port", type=int, default=7860, help="the port, or the next free one (7860)")
    parser.add_argument("--backend", default="mini", choices=BACKENDS, help="the model: mini is built in (mini)")
    parser.add_argument(
        "--password", default=os.environ.get("R3_PASSWORD", ""), help="asked for on the page; R3_PASSWORD does the same"
    )
    chosen = parser.parse_args(argv)
    if not 1 <= chosen.port <= 65535:
        raise BadInput(f"The port is {chosen.port}. Choose a number from 1 to 65535.")
    if chosen.host not in LOCAL and not chosen.password:
        raise BadInput(
            f"On {chosen.host} anybody who reaches this machine could use the studio. "
            "Set --password or R3_PASSWORD, or leave --host out."
        )
    return chosen


def free_port(host: str, wanted: int) -> int:
    """`wanted`, or the next port that nobody listens on. Raises BadInput where none is found."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except socket.gaierror as error:
                raise BadInput(f"The host “{host}” is not known ({error.strerror}). Check --host.") from error
            except OSError as error:
                cause = error
                continue
            return port
    raise BadInput(f"No port from {wanted} on can be used on {host} ({cause.strerror}). Choose another --port.")


def serve(chosen: argparse.Namespace, load: Callable[[str], Backend]) -> None:
    """Open the library, serve the page, and return when a signal asks for the end. `load` is called at first use."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported, which is why it is so late
    from studio.store.library import Library
    from studio.ui.layout import build, launch_options
    from studio.ui.screen import Desk
    from studio.worker import Worker

    folder = (chosen.library or Path(user_data_dir("r3-studio"))).expanduser()
    library = Library(folder)
    exports = folder / "exports"
    try:
        exports.mkdir(exist_ok=True)
    except OSError as error:
        raise LibraryError(f"{exports} cannot be made ({error.strerror}). Check the folder's permissions.") from error
    worker = Worker(library, lambda: load(chosen.backend))
    desk = Desk(library, worker, exports)
    port = free_port(chosen.host, chosen.port)
    if port != chosen.port:
        print(f"Port {chosen.port} is busy; using {port}.", flush=True)
    options: dict[str, Any] = {**launch_options(desk), "auth": None}
    if chosen.password:
        options["auth"] = lambda _, given: hmac.compare_digest(given.encode(), chosen.password.encode())
        options["auth_message"] = "Any name will do; the password is the studio's."
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    page = build(desk)
    worker.start()
    _, address, _ = page.launch(
        server_name=chosen.host, server_port=port, inbrowser=False, prevent_thread_lock=True, **options
    )
    print(f"R3 Studio is at {address} (library: {folder}). Ctrl-C ends it.", flush=True)
    warm_up = threading.Timer(WARM_UP_SECONDS, _warm_up, (worker,))
    warm_up.daemon = True
    warm_up.start()
    ended.wait()
    print("Ending.", flush=True)
    warm_up.cancel()
    worker.close()
    page.close(verbose=False)
    library.close()


def _warm_up(worker: Worker) -> None:
    """Load the model before the first run asks for it; what goes wrong is said again when one does."""
    try:
        worker.backend()
    except StudioError as error:
        log.warning("The model is not loaded: %s", error)


def main(argv: list[str] | None = None) -> int:
    """Run the studio; returns the exit status: 0, 1 (no library), 2 (bad arguments)."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        try:
            serve(arguments(argv), load_backend)
        except BadInput as error:
            print(error, file=sys.stderr)
            return 2
        except StudioError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
