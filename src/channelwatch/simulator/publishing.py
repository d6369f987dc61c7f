"""What happens in channels while clients watch: posts, edits, deletions, reactions; each is logged and pushed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from random import Random
from typing import Any

from telethon.tl import types

from channelwatch.simulator import messages
from channelwatch.simulator.entities import channel_of, min_channel
from channelwatch.simulator.faults import Chaos, Fate
from channelwatch.simulator.messages import SimPost
from channelwatch.simulator.session import Session
from channelwatch.simulator.world import SimChannel, Step, User, World, unix

HELD_AT_MOST = 0.3
"""Seconds for which a reordered push waits for the next one of its channel."""


class Publishing:
    """The part of a DataCentre that changes channels."""

    world: World
    sessions: dict[tuple[int, int], Session]
    random: Random
    chaos: Chaos
    min_chats: bool
    """Pushes name their channel as ``min``, as Telegram's do for clients that should know it."""

    def now(self) -> int:
        """Return the server's Unix time in whole seconds."""
        raise NotImplementedError

    def later(self, seconds: float, call: Any, *args: Any) -> None:
        """Call something in some seconds."""
        raise NotImplementedError

    def _init_publishing(self) -> None:
        self.min_chats = False
        self._held: dict[int, Any] = {}

    def post(
        self,
        channel: SimChannel,
        text: str,
        *,
        date: datetime | float | str | None = None,
        message_id: int | None = None,
        album: int | None = None,
        forward_of: tuple[SimChannel, int] | str | None = None,
        media: Any = None,
        entities: Iterable[Any] = (),
        reply_to: int | None = None,
        views: int | None = 1,
        author: str | None = None,
        lose: bool = False,
        late: float = 0,
        twice: bool = False,
        hidden_for: float = 0,
    ) -> int:
        """Publish a post and push it to the members; return its message id.

        `message_id`: any free id; by default the next one. `forward_of`: (channel, message id), or the name of
        a hidden sender. `media`: a kind (see ``messages.media``) or a TL object. `entities`:
        ``(kind, start, end[, url])`` in code points. `author`: the signature. `lose`: no push. `late`: the push
        leaves so many seconds late. `twice`: two pushes. `hidden_for`: seconds in which history, ids and differences
        do not show it; the push comes after them.
        """
        post_id = message_id or channel.top + 1
        moment = unix(date, self.now())
        post = SimPost(
            post_id,
            moment,
            text,
            views=views,
            forwards=None if views is None else 0,
            media=messages.media(media, post_id) if media else None,
            album=album,
            reply_to=reply_to,
            author=author,
            entities=messages.entities(text, entities),
            forward=self._origin(forward_of, moment),
        )
        self._publish(channel, post, Fate(lose=lose, late=late, twice=twice, hidden_for=hidden_for))
        return post_id

    def service(self, channel: SimChannel, action: Any) -> int:
        """Publish a service message (a TL MessageAction…); return its id."""
        post = SimPost(channel.top + 1, self.now(), "", action=action)
        self._publish(channel, post, Fate())
        return post.id

    def album(self, channel: SimChannel, texts: Iterable[str], *, media: Any = "photo", group: int = 0) -> list[int]:
        """Publish an album, one part per text (usually only the first part has one); return the ids."""
        group = group or self.random.getrandbits(60) | 1
        return [self.post(channel, text, album=group, media=media) for text in texts]

    def edit(self, channel: SimChannel, message_id: int, text: str, *, lose: bool = False) -> None:
        """Change a post's text; raises KeyError where no post lives."""
        post = self._living(channel, message_id)
        post.text, post.entities = text, ()
        post.edited, post.edit_hide = self.now(), False
        self._edited(channel, post, lose)

    def react(self, channel: SimChannel, message_id: int, emoji: str, count: int, *, lose: bool = False) -> None:
        """Set the count of a reaction (an emoji, or ``custom:<document id>``); arrives as an edit of the same text."""
        post = self._living(channel, message_id)
        post.reactions[emoji] = count
        post.edit_hide = post.edit_hide or not post.edited
        post.edited = post.edited or self.now()
        self._edited(channel, post, lose)

    def views(
        self, channel: SimChannel, message_id: int, views: int, forwards: int = 0, replies: int | None = None
    ) -> None:
        """Set the counters of a post; members are told of the views, as Telegram does it (without a pts)."""
        post = self._living(channel, message_id)
        post.views, post.forwards, post.replies = views, forwards, replies
        post.changed()
        self._send(channel, types.UpdateChannelMessageViews(channel.id, message_id, views))

    def delete(self, channel: SimChannel, message_id: int, *, lose: bool = False) -> None:
        """Delete a post; raises KeyError where no post lives."""
        self.world.drop_post(channel, message_id)
        step = channel.write("delete", (message_id,), self.now())
        self._push_change(channel, types.UpdateDeleteChannelMessages(channel.id, [message_id], step.pts, 1), lose)

    def skip_ids(self, channel: SimChannel, n: int) -> None:
        """Leave a hole of n ids."""
        channel.top += n

    def load(self, channel: SimChannel, posts: Iterable[Mapping[str, Any]]) -> list[int]:
        """Put a whole history into a channel, without pushes (see ``World.load``)."""
        return self.world.load(channel, posts)

    def retitle(self, channel: SimChannel, title: str) -> int:
        """Change a channel's title and publish the service message about it."""
        channel.title = title
        return self.service(channel, types.MessageActionChatEditTitle(title))

    def ban(self, user: User, channel: SimChannel) -> None:
        """Throw a user out for good, and tell his sessions."""
        sessions = [session for session in self.sessions.values() if session.user is user]
        self.world.ban(user, channel)
        forbidden = types.ChannelForbidden(channel.id, self.world.access_hash(user, channel), channel.title)
        update = types.Updates([types.UpdateChannel(channel.id)], [], [forbidden], self.now(), 0)
        for session in sessions:
            session.push(update)

    def _origin(self, forward_of: tuple[SimChannel, int] | str | None, moment: int) -> Any:
        if forward_of is None:
            return None
        if isinstance(forward_of, str):
            return types.MessageFwdHeader(date=moment, from_name=forward_of)
        source, source_id = forward_of
        original = source.posts.get(source_id)
        return types.MessageFwdHeader(
            date=original.date if original else moment,
            from_id=types.PeerChannel(source.id),
            channel_post=source_id,
        )

    def _living(self, channel: SimChannel, message_id: int) -> SimPost:
        post = channel.posts[message_id]
        if post.deleted:
            raise KeyError(message_id)
        return post

    def _publish(self, channel: SimChannel, post: SimPost, asked: Fate) -> None:
        rolled = self.chaos.roll(self.random)
        fate = Fate(
            lose=asked.lose or rolled.lose,
            late=asked.late or rolled.late,
            twice=asked.twice or rolled.twice,
            reorder=rolled.reorder,
            hidden_for=asked.hidden_for or rolled.hidden_for,
        )
        self.world.add_post(channel, post)
        if fate.hidden_for:
            channel.hidden[post.id] = self.world.clock.monotonic() + fate.hidden_for
        step = channel.write("new", (post.id,), self.now())
        held, self._held[channel.id] = self._held.get(channel.id), None
        if not fate.lose:
            wait = max(fate.late, fate.hidden_for)
            if wait:
                self.later(wait, self._push_new, channel, post, step, fate.twice)
            elif fate.reorder:
                self._held[channel.id] = (channel, post, step, fate.twice)
                self.later(HELD_AT_MOST, self._release, channel, step)
            else:
                self._push_new(channel, post, step, fate.twice)
        if held:
            self._push_new(*held)

    def _release(self, channel: SimChannel, step: Step) -> None:
        held = self._held.get(channel.id)
        if held and held[2] is step:
            self._held[channel.id] = None
            self._push_new(*held)

    def _push_new(self, channel: SimChannel, post: SimPost, step: Step, twice: bool) -> None:
        if post.deleted:
            return
        update = types.UpdateNewChannelMessage(post.ready(channel.id), step.pts, 1)
        others = []
        if post.forward is not None and isinstance(post.forward.from_id, types.PeerChannel):
            origin = self.world.channels.get(post.forward.from_id.channel_id)
            others = [min_channel(origin)] if origin and origin is not channel else []
        for _ in range(2 if twice else 1):
            self._send(channel, update, others)

    def _edited(self, channel: SimChannel, post: SimPost, lose: bool) -> None:
        post.changed()
        step = channel.write("edit", (post.id,), self.now())
        hidden = not channel.sees(post.id, self.world.clock.monotonic())
        update = types.UpdateEditChannelMessage(post.ready(channel.id), step.pts, 1)
        self._push_change(channel, update, lose or hidden)

    def _push_change(self, channel: SimChannel, update: Any, lose: bool) -> None:
        """Push an edit or a deletion, which chaos may lose, delay or double."""
        fate = self.chaos.roll(self.random)
        if lose or fate.lose:
            return
        for _ in range(2 if fate.twice else 1):
            if fate.late:
                self.later(fate.late, self._send, channel, update)
            else:
                self._send(channel, update)

    def _send(self, channel: SimChannel, update: Any, others: Iterable[Any] = ()) -> None:
        """Push an update to every connected session of a member."""
        for session in list(self.sessions.values()):
            user = session.user
            if user is None or not session.wants_updates or user.id not in channel.members:
                continue
            chat = min_channel(channel) if self.min_chats else channel_of(self.world, user, channel)
            session.push(types.Updates([update], [], [chat, *others], self.now(), 0))
