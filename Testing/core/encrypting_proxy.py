"""TLS in front of a server, as hospitals put nginx or stunnel there.

Orthanc 1.10.1 of Debian 12 knows https itself, but ends with signal 11 at the first connection.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BYTES = 1 << 16


@contextmanager
def encrypted(port: int, certificate: Path) -> Iterator[str]:
    """URL at which the server on a port of this machine is reached by TLS.

    certificate : with its key, as PEM
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):  # the block has ended
                while True:
                    plain, _ = listening.accept()
                    threading.Thread(target=_serve, args=(context, plain, port), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"https://localhost:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def _serve(context: ssl.SSLContext, plain: socket.socket, port: int) -> None:
    """One connection; a client that does not trust us ends it."""
    with (
        suppress(OSError),
        context.wrap_socket(plain, server_side=True) as client,
        socket.create_connection(("127.0.0.1", port)) as server,
    ):
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
