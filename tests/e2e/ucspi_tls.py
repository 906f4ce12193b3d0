# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""A test server for UCSPI-TLS, as sslserver -n: ucspi_tls.py PEM PROGRAM...

Runs PROGRAM in this process, with a connection without TLS on descriptors 0
and 1, and offers it UCSPI-TLS. A child process does the TLS: on a request at
the control socket it does the handshake, answers with variables, and then
passes bytes in both directions. UCSPI_LIST replaces the answer; with "end"
there is none.
"""

import os
import select
import socket
import ssl
import sys


def serve(pem, control, from_program, to_program):
    if control.recv(1) != b"Y":
        return  # the program has ended
    answer = os.environ.get("UCSPI_LIST")
    if answer == "end":
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    raw = socket.socket(fileno=0)
    tls = context.wrap_socket(raw, server_side=True)
    if answer is None:
        answer = (f"SSL_PROTOCOL={tls.version()}\0SSL_CIPHER={tls.cipher()[0]}"
                  "\0SSL_TLS_SNI_SERVERNAME\0\0")
    control.sendall(answer.encode())
    while True:
        wait = [] if tls.pending() else [tls, from_program]
        ready = [tls] if not wait else select.select(wait, [], [])[0]
        if tls in ready:
            data = tls.recv(65536)
            if not data:
                return
            os.write(to_program, data)
        if from_program in ready:
            data = os.read(from_program, 65536)
            if not data:
                tls.unwrap()
                return
            tls.sendall(data)


def main():
    ours, theirs = socket.socketpair()
    read_end, to_program = os.pipe()
    from_program, write_end = os.pipe()
    if os.fork() == 0:
        theirs.close()
        os.close(read_end)
        os.close(write_end)
        try:
            serve(sys.argv[1], ours, from_program, to_program)
        except (OSError, ssl.SSLError):
            pass
        os._exit(0)
    for fd, name in ((theirs.fileno(), "SSLCTLFD"), (read_end, "SSLREADFD"),
                     (write_end, "SSLWRITEFD")):
        os.set_inheritable(fd, True)
        os.environ[name] = str(fd)
    os.execv(sys.argv[2], sys.argv[2:])


main()
