"""A file manager's half of drag and drop under X11 (XDND version 5), as a program: python xdnd.py WINDOW FILE...

The other half is the window's; https://freedesktop.org/wiki/Specifications/XDND. A process of its own, since Xlib ends the one in which it finds an error.
"""

import sys
from ctypes import CDLL, POINTER, Structure, Union, byref, c_char_p, c_int, c_long, c_ubyte, c_ulong, c_void_p, cast
from pathlib import Path

VERSION, SELECTION_REQUEST, SELECTION_NOTIFY, CLIENT_MESSAGE, NO_TIME, REPLACE = 5, 30, 31, 33, 0, 0
HEAD = [("type", c_int), ("serial", c_ulong), ("sent", c_int), ("display", c_void_p)]


class Message(Structure):
    """XClientMessageEvent."""

    _fields_ = [*HEAD, ("window", c_ulong), ("name", c_ulong), ("format", c_int), ("data", c_long * 5)]


class Request(Structure):
    """XSelectionRequestEvent."""

    _fields_ = [
        *HEAD, ("owner", c_ulong), ("requestor", c_ulong), ("selection", c_ulong), ("target", c_ulong), ("property", c_ulong), ("time", c_ulong),
    ]  # fmt: skip


class Answer(Structure):
    """XSelectionEvent."""

    _fields_ = [*HEAD, ("requestor", c_ulong), ("selection", c_ulong), ("target", c_ulong), ("property", c_ulong), ("time", c_ulong)]  # fmt: skip


class Event(Union):
    """XEvent."""

    _fields_ = [("type", c_int), ("message", Message), ("request", Request), ("answer", Answer), ("room", c_long * 24)]


class Source:
    """Drags files onto a window."""

    def __init__(self, target: int) -> None:
        self._x = CDLL("libX11.so.6")
        for name, result in (("XOpenDisplay", c_void_p), ("XInternAtom", c_ulong), ("XCreateSimpleWindow", c_ulong), ("XDefaultRootWindow", c_ulong)):  # fmt: skip
            getattr(self._x, name).restype = result
        self._display = c_void_p(self._x.XOpenDisplay(None))
        root = c_ulong(self._x.XDefaultRootWindow(self._display))
        self._own = self._x.XCreateSimpleWindow(self._display, root, 0, 0, 1, 1, 0, c_ulong(0), c_ulong(0))
        self._target = target

    def atom(self, name: str) -> int:
        """The number of a name."""
        return int(self._x.XInternAtom(self._display, name.encode(), 0))

    def drag(self, files: list[Path], x: int, y: int) -> None:
        """Enter the window, move to a place of the screen, drop, hand over the files' addresses, and wait until they were taken."""
        text, copy = self.atom("text/uri-list"), self.atom("XdndActionCopy")
        assert self._accepts() >= VERSION, "the window takes no drops"
        self._x.XSetSelectionOwner(self._display, c_ulong(self.atom("XdndSelection")), c_ulong(self._own), c_ulong(NO_TIME))  # fmt: skip
        self._say("XdndEnter", VERSION << 24, text, 0, 0)
        self._say("XdndPosition", 0, x << 16 | y, NO_TIME, copy)
        assert self._heard("XdndStatus", b"").data[1] & 1, "the window refuses the drop"
        self._say("XdndDrop", 0, NO_TIME, 0, 0)
        addresses = "".join(f"{path.as_uri()}\r\n" for path in files).encode()
        taken = self._heard("XdndFinished", addresses).data[
            1
        ]  # glfw says how many bytes, the specification wants bit 0
        assert taken, "the window did not take what was dropped"

    def _accepts(self) -> int:
        """The version that the window says it knows; 0: none."""
        found, bits, count, left, value = c_ulong(), c_int(), c_ulong(), c_ulong(), c_void_p()
        self._x.XGetWindowProperty(
            self._display, c_ulong(self._target), c_ulong(self.atom("XdndAware")), c_long(0), c_long(1), 0, c_ulong(0),
            byref(found), byref(bits), byref(count), byref(left), byref(value),
        )  # fmt: skip
        return cast(value, POINTER(c_ulong))[0] if count.value else 0

    def _say(self, name: str, *data: int) -> None:
        message = Message(CLIENT_MESSAGE, 0, 1, self._display, self._target, self.atom(name), 32)
        message.data[:] = [self._own, *data]
        self._send(self._target, Event(message=message))

    def _send(self, window: int, event: Event) -> None:
        self._x.XSendEvent(self._display, c_ulong(window), 0, c_long(0), byref(event))
        self._x.XFlush(self._display)

    def _heard(self, name: str, addresses: bytes) -> Message:
        """The window's next message of that name; who asks for what is dragged meanwhile gets the addresses."""
        event, wanted = Event(), self.atom(name)
        while True:
            self._x.XNextEvent(self._display, byref(event))
            if event.type == CLIENT_MESSAGE and event.message.name == wanted:
                return Message.from_buffer_copy(event.message)
            if event.type == SELECTION_REQUEST:
                self._hand_over(event.request, addresses)

    def _hand_over(self, asked: Request, addresses: bytes) -> None:
        data = cast(c_char_p(addresses), POINTER(c_ubyte))
        self._x.XChangeProperty(self._display, c_ulong(asked.requestor), c_ulong(asked.property), c_ulong(asked.target), 8, REPLACE, data, len(addresses))  # fmt: skip
        answer = Answer(SELECTION_NOTIFY, 0, 1, self._display, asked.requestor, asked.selection, asked.target, asked.property, asked.time)  # fmt: skip
        self._send(asked.requestor, Event(answer=answer))


if __name__ == "__main__":
    Source(int(sys.argv[1])).drag([Path(word) for word in sys.argv[2:]], 100, 100)
