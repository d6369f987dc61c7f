"""The session layer of the ``mtproto`` package, fit to serve.

What its version 0.3.1 does as a server that no client can live with, and what is done about it here:

* It checks the salt before it takes over the client's session id, so that its first answer names session 0.
* Its notices (bad_server_salt, bad_msg_notification, new_session_created) leave without their constructor.
* It takes salt 0, the only one it knows unless told otherwise, for outdated.
* A packet of a key it does not know yet is handed out again for ever.
* A gzipped request, which must have an odd number, is refused for having one (error 34).
"""

import gzip
import time
from io import BytesIO

from mtproto import ConnectionRole
from mtproto.session import Session
from mtproto.session.messages import BaseEvent, Data, NeedAuthkey, NewSession
from mtproto.session.service_messages.bad_msg_notification import BadMsgNotification
from mtproto.session.service_messages.bad_server_salt import BadServerSalt
from mtproto.session.service_messages.new_session_created import NewSessionCreated
from mtproto.transport.packets import EncryptedMessagePacket, ErrorPacket
from mtproto.utils import Long

from tests.other_server.bytestring import read_bytes

GZIP_PACKED = bytes.fromhex("a1cf7230")
WRONG_SALT = 48
KEY_UNKNOWN = 404


class ServerSession(Session):
    """One client's session on one connection, told of what arrives and asked for what to send."""

    def __init__(self) -> None:
        """Start without a key, for any transport that the client begins with."""
        super().__init__(ConnectionRole.SERVER)
        self._announced = False

    def take_key(self, auth_key: bytes, salt: int) -> None:
        """Speak with this key and salt from now on."""
        self.set_auth_key(auth_key)
        self.take_salt(salt)

    def take_salt(self, salt: int) -> None:
        """Accept this salt alone; a client that uses another is told it."""
        self.set_salts([(salt, int(time.time()) - 60)])

    @property
    def has_event(self) -> bool:
        """Tell whether `next_event` has something to look at; it may still return None."""
        return bool(self._received) or self._conn.has_packet()

    def next_event(self) -> BaseEvent | None:
        """Return what the client sent next; None where it was dealt with here."""
        packet = None if self._received else self._conn.peek_packet()
        if not isinstance(packet, EncryptedMessagePacket):
            return super().next_event()
        if packet.auth_key_id != self._auth_key_id:
            return NeedAuthkey(packet.auth_key_id)
        message = packet.decrypt(self._auth_key, ConnectionRole.CLIENT)
        if message.session_id != self._session_id:
            self._session_id, self._announced = message.session_id, False
        if not self.check_salt(message.salt):
            self._conn.next_event()
            salt = Long.read_bytes(self.get_salt())
            notice = BadServerSalt(
                bad_msg_id=message.message_id,
                bad_msg_seqno=message.seq_no,
                error_code=WRONG_SALT,
                new_server_salt=salt,
            )
            self.queue(notice.write(), response=True)
            return None
        if not self._announced:
            self._announced = True
            return NewSession(message.session_id, None, message.message_id)
        if message.data[:4] == GZIP_PACKED:
            self._conn.next_event()
            return Data(message.message_id, message.session_id, unpacked(message.data))
        return super().next_event()

    def send_session_created(self, first_message_id: int) -> None:
        """Tell the client that its session is new here."""
        notice = NewSessionCreated(
            first_msg_id=first_message_id,
            unique_id=self._session_id,
            server_salt=Long.read_bytes(self.get_salt()),
        )
        self.queue(notice.write())

    def _send_bad_msg_notification(self, msg_id: int, msg_seqno: int, error: int) -> None:
        notice = BadMsgNotification(bad_msg_id=msg_id, bad_msg_seqno=msg_seqno, error_code=error)
        self.queue(notice.write(), response=True)

    def key_unknown(self) -> bytes:
        """Return the transport error that says: no such key here."""
        return bytes(self._conn.send(ErrorPacket(KEY_UNKNOWN)))

    def waiting(self) -> bytes:
        """Return what is to be sent now."""
        return b"" if self._auth_key is None else bytes(self.send(None))


def unpacked(data: bytes) -> bytes:
    """Return the body of a gzip_packed object; anything else as it is."""
    if data[:4] != GZIP_PACKED:
        return data
    return gzip.decompress(read_bytes(BytesIO(data[4:])))
