# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0
"""The C library: where it is, and its functions as postern_rig.h has them."""

from __future__ import annotations

import ctypes
import functools
import os
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_int64, c_size_t
from ctypes import c_uint16, c_uint64, c_void_p
from typing import Any, Dict, List, NoReturn, Tuple

# pytest shows the line of the test, not those of this file.
__tracebackhide__ = True

_SONAME = "libpostern-rig.so.0"
_VARIABLE = "POSTERN_LIBRARY"

OK, INVALID_ARGUMENT, FAILED_PRECONDITION, NOT_FOUND, UNAVAILABLE = range(5)

NO_LIMIT = 2**64 - 1


class LibraryError(ImportError):
    """The C library is missing, or it is not one that this package can use."""

    __module__ = "postern"


class Bytes(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    def get(self) -> bytes:
        return ctypes.string_at(self.data, self.size)


class Error(ctypes.Structure):
    _fields_ = [("message", ctypes.c_char * 256)]


class User(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("password", c_char_p),
        ("token", c_char_p),
    ]


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("host_name", c_char_p),
        ("certificate_names", POINTER(c_char_p)),
        ("address", c_char_p),
        ("tls", c_int),
        ("require_tls", c_bool),
        ("require_auth", c_bool),
        ("lmtp", c_bool),
        ("users", POINTER(User)),
        ("user_count", c_size_t),
        ("mechanisms", POINTER(c_char_p)),
        ("extensions", POINTER(c_char_p)),
        ("max_message_size", c_uint64),
        ("address_faults", c_bool),
        ("show_passwords", c_bool),
        ("max_messages", c_uint64),
        ("max_octets", c_uint64),
        ("max_transcript_octets", c_uint64),
        ("command_timeout_ms", c_int64),
    ]


# NAME: (result, arguments). A function of the first group returns a status and
# takes a postern_error as its last argument.
_CHECKED: Dict[str, List[Any]] = {
    "new": [POINTER(Options), POINTER(c_void_p)],
    "add_faults": [c_void_p, c_char_p, c_char_p],
    "clear_faults": [c_void_p],
    "unmet_faults": [c_void_p, POINTER(c_char_p)],
    "messages": [c_void_p, POINTER(c_void_p)],
    "wait_for_messages": [c_void_p, c_size_t, c_int64, POINTER(c_bool)],
    "sessions": [c_void_p, POINTER(c_void_p)],
    "wait_for_sessions": [c_void_p, c_size_t, c_int64, POINTER(c_bool)],
    "clear": [c_void_p],
    "message_copy": [c_void_p, POINTER(c_void_p)],
    "message_parameters": [c_void_p, POINTER(c_char_p)],
    "message_recipient_parameters": [c_void_p, c_size_t, POINTER(c_char_p)],
    "session_copy": [c_void_p, POINTER(c_void_p)],
    "session_client_address": [c_void_p, POINTER(c_char_p)],
    "session_extensions": [c_void_p, POINTER(c_char_p)],
    "session_transcript": [c_void_p, POINTER(c_char_p)],
    "ca_certificate": [c_void_p, POINTER(c_char_p)],
    "ca_file": [c_void_p, POINTER(c_char_p)],
    "client_certificate": [
        c_void_p,
        c_char_p,
        POINTER(c_char_p),
        POINTER(c_char_p),
    ],
}
_OTHERS: Dict[str, Tuple[Any, List[Any]]] = {
    "version": (c_char_p, []),
    "close": (None, [c_void_p]),
    "free": (None, [c_void_p]),
    "address": (Bytes, [c_void_p]),
    "port": (c_uint16, [c_void_p]),
    "message_list_size": (c_size_t, [c_void_p]),
    "message_list_at": (c_void_p, [c_void_p, c_size_t]),
    "message_list_free": (None, [c_void_p]),
    "session_list_size": (c_size_t, [c_void_p]),
    "session_list_at": (c_void_p, [c_void_p, c_size_t]),
    "session_list_free": (None, [c_void_p]),
    "message_free": (None, [c_void_p]),
    "message_number": (c_int64, [c_void_p]),
    "message_received_us": (c_int64, [c_void_p]),
    "message_from": (Bytes, [c_void_p]),
    "message_recipient_count": (c_size_t, [c_void_p]),
    "message_recipient": (Bytes, [c_void_p, c_size_t]),
    "message_raw": (Bytes, [c_void_p]),
    "message_trace": (Bytes, [c_void_p]),
    "message_session": (c_void_p, [c_void_p]),
    "session_free": (None, [c_void_p]),
    "session_number": (c_int64, [c_void_p]),
    "session_began_us": (c_int64, [c_void_p]),
    "session_client_port": (c_uint16, [c_void_p]),
    "session_hello": (Bytes, [c_void_p]),
    "session_user": (Bytes, [c_void_p]),
    "session_mechanism": (Bytes, [c_void_p]),
    "session_tls_version": (Bytes, [c_void_p]),
    "session_tls_cipher": (Bytes, [c_void_p]),
    "session_client_subject": (Bytes, [c_void_p]),
    "session_end": (Bytes, [c_void_p]),
    "text_free": (None, [c_char_p]),
}


def _open() -> ctypes.CDLL:
    """Loads the library from the first place that has it."""
    named = os.environ.get(_VARIABLE)
    if named:
        # Only this one: a test must not run with another library than the one
        # that was asked for.
        places = [named]
    else:
        here = os.path.dirname(os.path.abspath(__file__))
        # PREFIX/lib, if this is PREFIX/lib/python3.N/dist-packages/postern, and
        # then where the linker searches.
        prefix_lib = os.path.normpath(os.path.join(here, "../../.."))
        places = [
            os.path.join(here, _SONAME),
            os.path.join(prefix_lib, _SONAME),
            _SONAME,
        ]
    tried: List[str] = []
    for place in places:
        # Without a slash the linker searches. POSTERN_LIBRARY is a path.
        path = os.path.abspath(place) if named else place
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            tried.append(f"  {error}")
    if named:
        advice = (
            f"{_VARIABLE} is {named!r}. It must be the path of the library."
        )
    else:
        advice = (
            f"Install postern (tools/install), or set {_VARIABLE} to the path "
            f"of {_SONAME}, for example if it was installed with --libdir."
        )
    raise LibraryError(
        "postern cannot load its C library:\n" + "\n".join([*tried, advice])
    )


class Library:
    """The functions without their prefix postern_rig_."""

    def __init__(self) -> None:
        self._library = _open()
        for name, (result, arguments) in _OTHERS.items():
            function = self._find(name)
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)
        for name, arguments in _CHECKED.items():
            function = self._find(name)
            function.restype = c_int
            function.argtypes = arguments + [POINTER(Error)]
            setattr(self, name, functools.partial(_checked, function))

    def _find(self, name: str) -> Any:
        try:
            return getattr(self._library, "postern_rig_" + name)
        except AttributeError:
            raise LibraryError(
                f"{self._library._name} has no function postern_rig_{name}: it "
                "is another library, or older than this package"
            ) from None

    def __getattr__(self, name: str) -> Any:  # for type checkers
        raise AttributeError(name)

    def text(self, function: Any, *arguments: Any) -> str:
        """Calls a function that writes a text, and returns the text."""
        text = c_char_p()
        function(*arguments, byref(text))
        return self.take(text)

    def take(self, text: c_char_p) -> str:
        """Frees a text that the library has written, and returns a copy."""
        try:
            return decode(text.value or b"")
        finally:
            self.text_free(text)

    def handle(self, function: Any, *arguments: Any) -> c_void_p:
        """Calls a function that makes an object, and returns the object."""
        handle = c_void_p()
        function(*arguments, byref(handle))
        return handle


def _checked(function: Any, *arguments: Any) -> None:
    error = Error()
    status = function(*arguments, byref(error))
    if status != OK:
        _raise(status, decode(error.message))


def _raise(status: int, message: str) -> NoReturn:
    if status == INVALID_ARGUMENT:
        raise ValueError(message)
    if status == NOT_FOUND:
        raise LookupError(message)
    if status == UNAVAILABLE:
        raise OSError(message)
    raise RuntimeError(message)


def decode(octets: bytes) -> str:
    """Addresses are UTF-8 if a client used SMTPUTF8, but no client must."""
    return octets.decode("utf-8", "surrogateescape")


def encode(what: str, text: str) -> bytes:
    """Returns the octets of `text` for C, which ends strings at a NUL."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError(f"{what} contains a NUL: {text!r}")
    return text.encode("utf-8", "surrogateescape")


@functools.lru_cache(maxsize=None)
def library() -> Library:
    """Loads the library at the first call."""
    return Library()


def library_version() -> str:
    """Returns the version of the C library. LibraryError: it is not there."""
    return decode(library().version())
