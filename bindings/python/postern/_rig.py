# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""The rig, and what it keeps."""

from __future__ import annotations

import ctypes
import datetime
import email
import email.message
import email.policy
import math
import operator
import os
import ssl
import sys
import threading
import time
import weakref
from functools import cached_property
from types import TracebackType
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    NoReturn,
    Optional,
    Tuple,
    Type,
    Union,
    cast,
)

from postern import _library
from postern._library import decode, encode, library

if sys.version_info >= (3, 11):
    from typing import Self
else:
    Self = Any

# pytest shows the line of the test, not those of this file.
__tracebackhide__ = True

_TLS = ("none", "starttls", "first")

# A wait that lasts longer would not notice Ctrl-C: a signal cannot interrupt a
# function of C.
_SLICE_MS = 100

# Longer transcripts are cut in errors and reports.
_MOST_LINES = 120
_MOST_COLUMNS = 400


class ClientCertificate(NamedTuple):
    """The paths of PEM files, which are there until the rig is closed."""

    certificate: str
    key: str


class Recipient(NamedTuple):
    address: str
    #: The parameters of RCPT, such as {"NOTIFY": "NEVER"}.
    parameters: Dict[str, str]


class _Copy:
    """Owns a message or a session of the library."""

    def __init__(self, pointer: ctypes.c_void_p, free: Callable[..., None]):
        self.pointer = pointer
        self._free = free

    def __del__(self) -> None:
        self._free(self.pointer)


class Session:
    """What is known of one session. It does not change, but its transcript
    grows until the session ends."""

    def __init__(self, borrowed: Any):
        self._library = library()
        self._copy = _Copy(
            self._library.handle(self._library.session_copy, borrowed),
            self._library.session_free,
        )
        self._pointer = self._copy.pointer

    #: The n-th session of the rig, from 1.
    @cached_property
    def number(self) -> int:
        return int(self._library.session_number(self._pointer))

    @cached_property
    def began(self) -> datetime.datetime:
        return _time(self._library.session_began_us(self._pointer))

    @cached_property
    def client_address(self) -> Optional[str]:
        """The client's IP address. None: a Unix socket."""
        text = self._library.text(
            self._library.session_client_address, self._pointer
        )
        return text or None

    @cached_property
    def client_port(self) -> int:
        return int(self._library.session_client_port(self._pointer))

    @cached_property
    def hello(self) -> Optional[str]:
        """The name in EHLO, HELO or LHLO. None: there was none yet."""
        return self._text(self._library.session_hello)

    @cached_property
    def user(self) -> Optional[str]:
        """The authenticated user. None: no AUTH."""
        return self._text(self._library.session_user)

    @cached_property
    def mechanism(self) -> Optional[str]:
        """The SASL mechanism. None: no AUTH."""
        return self._text(self._library.session_mechanism)

    @cached_property
    def tls_version(self) -> Optional[str]:
        """The version of TLS, such as "TLSv1.3". None: no TLS."""
        return self._text(self._library.session_tls_version)

    @cached_property
    def tls_cipher(self) -> Optional[str]:
        return self._text(self._library.session_tls_cipher)

    @cached_property
    def client_subject(self) -> Optional[str]:
        """The subject of the client's certificate. None: no valid one."""
        return self._text(self._library.session_client_subject)

    @cached_property
    def extensions(self) -> FrozenSet[str]:
        """What the client has used: "STARTTLS", "SIZE", "PIPELINING"..."""
        text = self._library.text(
            self._library.session_extensions, self._pointer
        )
        return frozenset(text.split())

    @cached_property
    def end(self) -> Optional[str]:
        """How it ended: "quit", "peer-gone", "timeout", "refused", "abuse" or
        "shutdown". None: it had not ended."""
        return self._text(self._library.session_end)

    @property
    def transcript(self) -> str:
        """What both sides have sent so far, one line for each of their lines:

        +0.001 S: 220 rig.example ESMTP\\r\\n
        +0.002 C: EHLO client.example\\r\\n
        """
        return self._library.text(
            self._library.session_transcript, self._pointer
        )

    def _text(self, function: Callable[..., Any]) -> Optional[str]:
        return decode(function(self._pointer).get()) or None

    def __repr__(self) -> str:
        client = "a Unix socket"
        if self.client_address is not None:
            client = f"{self.client_address} port {self.client_port}"
        end = f"ended: {self.end}" if self.end else "not ended"
        return f"<Session {self.number} from {client}, {end}>"


class Message:
    """A message that a rig has accepted. It does not change."""

    def __init__(self, borrowed: Any):
        self._library = library()
        self._copy = _Copy(
            self._library.handle(self._library.message_copy, borrowed),
            self._library.message_free,
        )
        self._pointer = self._copy.pointer

    #: The n-th message of the rig, from 1.
    @cached_property
    def number(self) -> int:
        return int(self._library.message_number(self._pointer))

    @cached_property
    def received(self) -> datetime.datetime:
        return _time(self._library.message_received_us(self._pointer))

    @cached_property
    def from_(self) -> str:
        """The sender of the envelope. Empty: the null sender, <>."""
        return decode(self._library.message_from(self._pointer).get())

    @cached_property
    def parameters(self) -> Dict[str, str]:
        """The parameters of MAIL, encoded as in the command, such as
        {"SIZE": "120", "SMTPUTF8": ""}."""
        return _parameters(
            self._library.text(self._library.message_parameters, self._pointer)
        )

    @cached_property
    def recipients(self) -> List[Recipient]:
        """The accepted recipients of the envelope, in order."""
        count = self._library.message_recipient_count(self._pointer)
        recipients = []
        for index in range(count):
            address = self._library.message_recipient(self._pointer, index)
            parameters = self._library.text(
                self._library.message_recipient_parameters, self._pointer, index
            )
            recipients.append(
                Recipient(decode(address.get()), _parameters(parameters))
            )
        return recipients

    @property
    def to(self) -> List[str]:
        """The addresses of the recipients."""
        return [recipient.address for recipient in self.recipients]

    @cached_property
    def raw(self) -> bytes:
        """The octets that the client sent: lines end in CRLF."""
        return cast(bytes, self._library.message_raw(self._pointer).get())

    @cached_property
    def trace(self) -> str:
        """The Received field that a server would add."""
        return decode(self._library.message_trace(self._pointer).get())

    @cached_property
    def mime(self) -> email.message.EmailMessage:
        """The octets as the package email parses them, with its default policy:
        mime["Subject"], mime.get_body().get_content(), mime.iter_attachments().
        Lines of a text end in CRLF, as they were sent.
        """
        return cast(
            email.message.EmailMessage,
            email.message_from_bytes(self.raw, policy=email.policy.default),
        )

    @cached_property
    def session(self) -> Session:
        """The session, as it was when the message was accepted."""
        return Session(self._library.message_session(self._pointer))

    @property
    def transcript(self) -> str:
        """The transcript of the session, to its end."""
        return self.session.transcript

    def __repr__(self) -> str:
        to = ", ".join(f"<{address}>" for address in self.to)
        subject = ""
        if self.mime["Subject"] is not None:
            subject = f", Subject: {str(self.mime['Subject'])!r}"
        return (
            f"<Message {self.number} from <{self.from_}> to {to} "
            f"({len(self.raw)} octets{subject})>"
        )


class _Kept(NamedTuple):
    messages: List[Message]
    sessions: List[Session]
    unmet_faults: List[str]


class _Closed(RuntimeError):
    pass


class _Handle:
    """The rig of the library. It is freed when it is closed and the last call
    on any thread has returned. In a child of fork(2) the library leaves it
    alone."""

    def __init__(self, options: Any):
        self._library = library()
        # Reentrant: a signal or the garbage collector may call close().
        self._lock = threading.RLock()
        self._uses = 0
        self._closed = False
        self._pointer = self._library.handle(self._library.new, options)

    def __enter__(self) -> ctypes.c_void_p:
        with self._lock:
            if self._closed:
                raise _Closed("the rig is closed")
            self._uses += 1
            return self._pointer

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._uses -= 1
            self._free_if_unused()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            # Also at the end of the interpreter, when a thread may still wait:
            # the server's thread must end before the libraries that it uses.
            self._library.close(self._pointer)
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        if self._closed and self._uses == 0 and self._pointer:
            pointer, self._pointer = self._pointer, ctypes.c_void_p()
            self._library.free(pointer)


class Rig:
    """An SMTP server for tests. It listens when the constructor returns.

    All methods may be called on any thread. A rig that is closed, also by the
    end of a with statement, still has its messages and sessions, but no method
    that needs the server works any more: it raises RuntimeError. A rig that is
    not closed is closed by the garbage collector.

    A rig belongs to the process that made it. In a child of fork(2), what
    needs the server raises RuntimeError, also reading messages, and close()
    does nothing: a child has to make a rig of its own. It must not read the
    transcripts of messages and sessions that it has from its parent.
    """

    def __init__(
        self,
        *,
        tls: str = "none",
        users: Optional[Mapping[str, str]] = None,
        tokens: Optional[Mapping[str, str]] = None,
        require_tls: bool = False,
        require_auth: bool = False,
        lmtp: bool = False,
        faults: str = "",
        address_faults: bool = False,
        address: str = "127.0.0.1:0",
        host_name: str = "rig.example",
        certificate_names: Iterable[str] = ("localhost", "127.0.0.1", "::1"),
        mechanisms: Optional[Iterable[str]] = None,
        extensions: Optional[Iterable[str]] = None,
        max_message_size: Optional[int] = 50 << 20,
        show_passwords: bool = False,
        max_messages: int = 10000,
        max_octets: int = 256 << 20,
        max_transcript_octets: int = 4 << 20,
        command_timeout: float = 300,
    ) -> None:
        """Starts a server.

        tls: "none"; "starttls" to offer it; "first" if connections begin with
          TLS.
        users: the passwords of users, for PLAIN, LOGIN, CRAM-MD5 and
          SCRAM-SHA-256. AUTH is offered if there are users, also without TLS.
        tokens: the tokens of users, for OAUTHBEARER and XOAUTH2.
        require_tls, require_auth: mail without it gets a 530.
        lmtp: LMTP (RFC 2033) instead of SMTP.
        faults: a script, as for faults().
        address_faults: addresses such as rcpt-450@x.example request faults.
        address: "127.0.0.1:0", "[::1]:0", "*:2525" or "unix:/PATH". Port 0 is a
          free port.
        host_name: the name in replies and in the certificate.
        certificate_names: more names and addresses for the certificate.
        mechanisms: the SASL mechanisms, in the order of EHLO.
        extensions: those in EHLO besides PIPELINING, SIZE, 8BITMIME and
          ENHANCEDSTATUSCODES, such as ["SMTPUTF8", "DSN"]. None: all.
        max_message_size: SIZE, in octets. None: no limit.
        show_passwords: transcripts show passwords, instead of ***.
        max_messages: also the number of sessions. If there are more, the oldest
          are dropped; so for max_octets and max_transcript_octets (of one
          session).
        command_timeout: how many seconds a client may be silent.

        ValueError: an option cannot be used. OSError: the address cannot be
        used, or the system lacks memory, descriptors or threads.
        postern.LibraryError: the C library is not installed.
        """
        # First, for __repr__ and close() of a rig that was not made.
        self._final: Optional[_Kept] = None
        self._known: Dict[int, Message] = {}
        self._process = os.getpid()
        self._address = address
        if tls not in _TLS:
            raise ValueError(f"tls: not one of {', '.join(_TLS)}: {tls!r}")
        secrets: Dict[str, List[bytes]] = {}
        for place, (option, given) in enumerate(
            [("users", users), ("tokens", tokens)]
        ):
            for name, secret in (given or {}).items():
                entry = secrets.setdefault(name, [b"", b""])
                entry[place] = encode(option, secret)
        entries = (_library.User * len(secrets))(
            *(
                _library.User(
                    ctypes.sizeof(_library.User), encode("users", name), *entry
                )
                for name, entry in secrets.items()
            )
        )
        options = _library.Options(
            struct_size=ctypes.sizeof(_library.Options),
            host_name=encode("host_name", host_name),
            certificate_names=_strings("certificate_names", certificate_names),
            address=encode("address", address),
            tls=_TLS.index(tls),
            require_tls=require_tls,
            require_auth=require_auth,
            lmtp=lmtp,
            users=entries,
            user_count=len(secrets),
            mechanisms=_strings("mechanisms", mechanisms),
            extensions=_strings("extensions", extensions),
            max_message_size=_library.NO_LIMIT
            if max_message_size is None
            else _limit("max_message_size", max_message_size),
            address_faults=address_faults,
            show_passwords=show_passwords,
            max_messages=_limit("max_messages", max_messages),
            max_octets=_limit("max_octets", max_octets),
            max_transcript_octets=_limit(
                "max_transcript_octets", max_transcript_octets
            ),
            command_timeout_ms=_limit(
                "command_timeout", math.ceil(command_timeout * 1000)
            ),
        )
        self._library = library()
        self._handle = _Handle(ctypes.byref(options))
        weakref.finalize(self, self._handle.close)
        with self._handle as pointer:
            self._address = decode(self._library.address(pointer).get())
            self._port = int(self._library.port(pointer))
        if faults:
            try:
                self.faults(faults)
            except BaseException:
                self.close()
                raise
        with _rigs_lock:
            _rigs.add(self)

    # The server.

    @property
    def address(self) -> str:
        """Where it listens: "127.0.0.1:45678", or "unix:/PATH"."""
        return self._address

    @property
    def host(self) -> str:
        """The host to connect to: "127.0.0.1". The path of a Unix socket, which
        smtplib.LMTP takes, too."""
        if self._address.startswith("unix:"):
            return self._address[len("unix:") :]
        host = self._address.rpartition(":")[0].strip("[]")
        return "127.0.0.1" if host == "*" else host

    @property
    def port(self) -> int:
        """The TCP port. 0: a Unix socket."""
        return self._port

    def close(self) -> None:
        """Closes all connections, and removes the files of certificates. In a
        child of fork(2) it does nothing."""
        if self._final is not None or os.getpid() != self._process:
            return
        try:
            with self._handle as pointer:
                # Now each session has an end.
                self._library.close(pointer)
                self._final = self._kept()
        except _Closed:
            return
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Rig {self._address}{', closed' if self._final else ''}>"

    # Faults.

    def on(
        self,
        stage: str,
        pattern: str = "",
        *,
        reply: Union[str, int, None] = None,
        raw: Union[bytes, str, None] = None,
        delay: Union[float, datetime.timedelta, None] = None,
        stall: bool = False,
        close: Optional[str] = None,
        after: Optional[int] = None,
        split: bool = False,
        write_rate: Optional[int] = None,
        read_rate: Optional[int] = None,
        hide: Union[str, Iterable[str]] = (),
        certificate: Optional[str] = None,
        times: Optional[int] = None,
        skip: Optional[int] = None,
        percent: Optional[int] = None,
        each: bool = False,
        quota: Optional[int] = None,
    ) -> None:
        """Adds a fault: what the server does wrong, and when.

            rig.on("rcpt", "a@x.example", times=2, reply="450 4.7.1 greylisted")
            rig.on("end", skip=1, delay=3, close="before")
            rig.on("ehlo", hide=["STARTTLS"])

        stage: "connect", "ehlo", "starttls", "tls", "auth", "mail", "rcpt",
          "data", "content", "end", "rset", "noop", "vrfy", "help" or "quit".
        pattern: compared with the text of the stage, such as the recipient. "*"
          matches any characters; case does not matter. Empty: always.

        When: times=N applies N times and then no more, skip=N not to the first
        N, percent=N to N of each hundred, each=True counts each text
        separately, quota=OCTETS if the recipient's messages have more octets.

        What: reply="450 4.7.1 text" or reply=450, raw=OCTETS instead of a
        reply, delay=SECONDS, stall=True, close="before", "inside" or "after",
        after=OCTETS of content, split=True, write_rate and read_rate in octets
        in a second, hide=EXTENSIONS in EHLO, certificate="expired", "not-yet",
        "self-signed", "wrong-name" or "untrusted".

        The words are those of the script of faults(); docs/rig.md describes
        each. ValueError: a fault that cannot be used.
        """
        words = [_word("stage", stage)]
        if pattern:
            words.append("for=" + _word("pattern", pattern))
        for name, number in [
            ("skip", skip),
            ("times", times),
            ("percent", percent),
            ("quota", quota),
            ("after", after),
            ("write-rate", write_rate),
            ("read-rate", read_rate),
        ]:
            if number is not None:
                words.append(f"{name}={operator.index(number)}")
        for name, flag in [("each", each), ("stall", stall), ("split", split)]:
            if flag:
                words.append(name)
        if delay is not None:
            words.append(f"delay={_milliseconds(delay)}ms")
        if close is not None:
            words.append("close=" + _word("close", close))
        for keyword in [hide] if isinstance(hide, str) else hide:
            words.append("hide=" + _word("hide", keyword))
        if certificate is not None:
            words.append("certificate=" + _word("certificate", certificate))
        if reply is not None and raw is not None:
            raise ValueError("reply and raw: a fault has only one reply")
        if reply is not None:
            code, _, text = str(reply).partition(" ")
            words += ["reply", _word("reply", code), _escaped(text)]
        if raw is not None:
            words += ["raw", _escaped(raw)]
        line = " ".join(words)
        if line.startswith("#"):
            raise ValueError(f"{stage!r}: no such stage")
        try:
            self._add_faults(line, "fault")
        except ValueError as error:
            why = str(error)
            if why.startswith("fault:1: "):
                why = why[len("fault:1: ") :]
            raise ValueError(f"{why} (in the fault {line!r})") from None

    def faults(self, script: str) -> None:
        """Adds the faults of a script, one in a line, as in the file of
        postern rig --script:

            rcpt for=*@x.example each times=2 reply 450 4.7.1 greylisted
            end skip=1 delay=3s close=inside

        ValueError: "faults:LINE: what is wrong". Then no fault is added.
        """
        self._add_faults(script, "faults")

    def _add_faults(self, script: str, name: str) -> None:
        with self._handle as pointer:
            self._library.add_faults(
                pointer, encode("faults", script), name.encode()
            )

    def clear_faults(self) -> None:
        """Removes all faults."""
        with self._handle as pointer:
            self._library.clear_faults(pointer)

    @property
    def unmet_faults(self) -> List[str]:
        """The faults with times= that have applied less often, such as
        "applied 1 of 2 times: rcpt times=2 reply 450 4.7.1 later"."""
        return self._kept_now(
            self._unmet_faults, lambda kept: kept.unmet_faults
        )

    def assert_faults_met(self) -> None:
        """Raises AssertionError if a fault with times= has applied less often:
        the code under test has not met it so many times."""
        unmet = self.unmet_faults
        if unmet:
            self._raise(
                AssertionError, "faults not met:\n  " + "\n  ".join(unmet)
            )

    # Messages and sessions.

    @property
    def messages(self) -> List[Message]:
        """The messages that were accepted, in order."""
        return self._kept_now(self._messages, lambda kept: kept.messages)

    def wait_for_messages(
        self, count: int, timeout: float = 10.0
    ) -> List[Message]:
        """Waits until `count` messages were accepted since the last clear(), or
        until `timeout` seconds are over. Returns those that are there."""
        self._wait(self._library.wait_for_messages, count, timeout)
        return self.messages

    def expect_messages(
        self, count: int = 1, timeout: float = 10.0
    ) -> List[Message]:
        """The same, but raises TimeoutError if there are fewer. The error has
        the transcript of the last session. There may be more messages; this
        takes exactly one:

        (message,) = rig.expect_messages(1)
        """
        if self._wait(self._library.wait_for_messages, count, timeout):
            return self.messages
        self._raise(
            TimeoutError,
            f"{_number(len(self.messages), 'message')} instead of {count} "
            f"after {timeout:g} s",
        )

    @property
    def sessions(self) -> List[Session]:
        """The sessions so far, also those that have not ended."""
        return self._kept_now(self._sessions, lambda kept: kept.sessions)

    def wait_for_sessions(
        self, count: int, timeout: float = 10.0
    ) -> List[Session]:
        """Waits until `count` sessions have ended since the last clear(), or
        until `timeout` seconds are over. Returns those that have ended."""
        self._wait(self._library.wait_for_sessions, count, timeout)
        return [session for session in self.sessions if session.end]

    @property
    def transcript(self) -> str:
        """The transcripts of all sessions, each after a line that names it."""
        return "\n".join(
            f"{session!r}\n{session.transcript}" for session in self.sessions
        )

    def clear(self) -> None:
        """Forgets the messages, and the sessions that have ended."""
        with self._handle as pointer:
            self._library.clear(pointer)

    # TLS.

    @property
    def ca_certificate(self) -> str:
        """The certificate of the authority of the server's one, PEM."""
        with self._handle as pointer:
            return self._library.text(self._library.ca_certificate, pointer)

    @property
    def ca_file(self) -> str:
        """The path of a file with it, which exists until close()."""
        with self._handle as pointer:
            return self._library.text(self._library.ca_file, pointer)

    def client_certificate(self, name: str) -> ClientCertificate:
        """Makes a certificate for a client, for EXTERNAL. The user is its
        subject: "CN=" and the name."""
        with self._handle as pointer:
            certificate, key = ctypes.c_char_p(), ctypes.c_char_p()
            self._library.client_certificate(
                pointer,
                encode("name", name),
                ctypes.byref(certificate),
                ctypes.byref(key),
            )
            return ClientCertificate(
                self._library.take(certificate), self._library.take(key)
            )

    def ssl_context(self, client: Optional[str] = None) -> ssl.SSLContext:
        """Returns a context for a client, which trusts only this rig. `client`:
        the client presents a certificate with this name."""
        context = ssl.create_default_context(cadata=self.ca_certificate)
        if client is not None:
            context.load_cert_chain(*self.client_certificate(client))
        return context

    # What follows reads from the library. The pointer of the rig is in use.

    def _messages(self, pointer: Any) -> List[Message]:
        lib = self._library
        messages: Dict[int, Message] = {}
        pending = lib.handle(lib.messages, pointer)
        try:
            for index in range(lib.message_list_size(pending)):
                borrowed = lib.message_list_at(pending, index)
                number = lib.message_number(borrowed)
                # The same object each time, which has parsed its octets.
                messages[number] = self._known.get(number) or Message(borrowed)
        finally:
            lib.message_list_free(pending)
        self._known = messages
        return list(messages.values())

    def _sessions(self, pointer: Any) -> List[Session]:
        lib = self._library
        pending = lib.handle(lib.sessions, pointer)
        try:
            return [
                Session(lib.session_list_at(pending, index))
                for index in range(lib.session_list_size(pending))
            ]
        finally:
            lib.session_list_free(pending)

    def _unmet_faults(self, pointer: Any) -> List[str]:
        text = self._library.text(self._library.unmet_faults, pointer)
        return text.splitlines()

    def _kept(self) -> _Kept:
        with self._handle as pointer:
            return _Kept(
                self._messages(pointer),
                self._sessions(pointer),
                self._unmet_faults(pointer),
            )

    def _kept_now(
        self,
        read: Callable[[Any], List[Any]],
        find: Callable[[_Kept], List[Any]],
    ) -> List[Any]:
        if self._final is None:
            try:
                with self._handle as pointer:
                    return read(pointer)
            except _Closed:
                # Another thread has closed the rig just now.
                if self._final is None:
                    raise
        return list(find(self._final))

    def _wait(self, function: Any, count: int, timeout: float) -> bool:
        count = operator.index(count)
        if not 0 <= count < 2**63:
            raise ValueError(f"count: not a number of messages: {count}")
        if math.isnan(timeout):
            raise ValueError("timeout: not a number")
        end = time.monotonic() + timeout
        reached = ctypes.c_bool()
        while True:
            left = min(max(end - time.monotonic(), 0) * 1000, _SLICE_MS)
            with self._handle as pointer:
                function(pointer, count, math.ceil(left), ctypes.byref(reached))
            if reached.value:
                return True
            if left == 0:
                return False

    def _raise(self, kind: Type[Exception], why: str) -> NoReturn:
        """Raises an error that shows the last session."""
        sessions = self.sessions
        if not sessions:
            raise kind(f"{why}\nno client has connected to {self._address}")
        last = sessions[-1]
        if len(sessions) > 1:
            why += f"; the last of {len(sessions)} sessions:"
        error = kind(f"{why}\n{last!r}\n{shortened(last.transcript)}")
        # The plugin for pytest does not show it again.
        error.postern_shown = (self, last.number)  # type: ignore[attr-defined]
        raise error


# All rigs that exist, for reports of failed tests.
_rigs: "weakref.WeakSet[Rig]" = weakref.WeakSet()
_rigs_lock = threading.RLock()


def living_rigs() -> List[Rig]:
    """The rigs of this process that exist, also closed ones."""
    with _rigs_lock:
        rigs = list(_rigs)
    process = os.getpid()
    mine = [rig for rig in rigs if rig._process == process]
    return sorted(mine, key=lambda rig: rig.address)


def shortened(transcript: str) -> str:
    """Leaves out the middle of long transcripts, and the ends of long lines."""
    lines = [
        line
        if len(line) <= _MOST_COLUMNS
        else f"{line[:_MOST_COLUMNS]}... ({len(line)} characters)"
        for line in transcript.splitlines()
    ]
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        out = len(lines) - 2 * half
        lines[half:-half] = [f"... {out} lines are not shown ..."]
    return "\n".join(lines)


def _number(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _time(microseconds: int) -> datetime.datetime:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return epoch + datetime.timedelta(microseconds=microseconds)


def _parameters(text: str) -> Dict[str, str]:
    pairs: Iterable[Tuple[str, str, str]] = (
        word.partition("=") for word in text.split()
    )
    return {keyword: value for keyword, _, value in pairs}


def _strings(option: str, values: Optional[Iterable[str]]) -> Any:
    """Returns a list for C, with a NULL at its end. None: NULL."""
    if values is None:
        return None
    if isinstance(values, str):
        raise TypeError(f"{option} must be a list of str, not a str")
    octets = [encode(option, value) for value in values]
    return (ctypes.c_char_p * (len(octets) + 1))(*octets, None)


def _limit(option: str, value: int) -> int:
    if not 1 <= operator.index(value) < 2**63:
        raise ValueError(f"{option}: not a positive number: {value}")
    return value


def _milliseconds(delay: Union[float, datetime.timedelta]) -> int:
    if isinstance(delay, datetime.timedelta):
        delay = delay.total_seconds()
    if not 0 < delay <= 86400:
        raise ValueError(f"delay: not more than 0 and at most a day: {delay}")
    return math.ceil(delay * 1000)


def _word(what: str, text: str) -> str:
    """Checks that `text` is one word of a line of a script."""
    encode(what, text)
    if not text:
        raise ValueError(f"{what} is empty")
    for character in text:
        if character.isspace() or ord(character) < 32 or ord(character) == 127:
            hint = ": write * instead" if what == "pattern" else ""
            raise ValueError(
                f"{what} cannot contain blanks or control characters"
                f"{hint}: {text!r}"
            )
    return text


def _escaped(text: Union[bytes, str]) -> str:
    """Returns the end of a line with the escapes of C. A blank at either end
    would be lost."""
    octets = text
    if isinstance(octets, str):
        octets = octets.encode("utf-8", "surrogateescape")
    last = len(octets) - 1
    return "".join(
        chr(octet)
        if 32 < octet < 127 and octet != ord("\\")
        or octet == ord(" ") and 0 < place < last
        else f"\\{octet:03o}"
        for place, octet in enumerate(octets)
    )
