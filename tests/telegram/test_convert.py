"""From Telethon's messages to posts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.extensions import BinaryReader
from telethon.tl import types

from channelwatch.post import Entity, Forward
from channelwatch.telegram.convert import channel_info, clean, code_points, post

DATE = datetime(2023, 5, 22, 9, 15, tzinfo=UTC)
PEER = types.PeerChannel(77)


def message(text: str = "", **more: Any) -> Any:
    return types.Message(id=5, peer_id=PEER, date=DATE, message=text, **more)


def test_a_text_message_keeps_what_telegram_says_about_it() -> None:
    came = message(
        "Козинка: есть прилёты",
        views=10,
        forwards=0,
        replies=types.MessageReplies(replies=3, replies_pts=1),
        edit_date=DATE,
        post_author="дежурный",
        grouped_id=9,
        reply_to=types.MessageReplyHeader(reply_to_msg_id=4),
        reactions=types.MessageReactions(
            results=[
                types.ReactionCount(types.ReactionEmoji("👍"), 7),
                types.ReactionCount(types.ReactionCustomEmoji(55), 2),
                types.ReactionCount(types.ReactionPaid(), 1),
            ]
        ),
        fwd_from=types.MessageFwdHeader(
            date=DATE, from_id=types.PeerChannel(88), channel_post=12, from_name="Баба Зина"
        ),
    )
    kept = post(came, 77)
    assert (kept.key, kept.date, kept.text, kept.kind) == ((77, 5), DATE, "Козинка: есть прилёты", "message")
    assert (kept.views, kept.forwards, kept.replies, kept.edited, kept.author) == (10, 0, 3, DATE, "дежурный")
    assert (kept.album, kept.reply_to) == (9, 4)
    assert kept.reactions == {"👍": 7, "custom:55": 2, "paid": 1}
    assert kept.forward == Forward(88, 12, "Баба Зина", DATE)
    assert BinaryReader(kept.raw).tgread_object().message == came.message


def test_a_hidden_edit_is_no_edit() -> None:
    assert post(message("a", edit_date=DATE, edit_hide=True), 77).edited is None


def test_entity_offsets_become_code_points() -> None:
    text = "🔥🔥 Грайворон t.me/x 🇺🇦!"
    link = text.index("t.me")
    units = len(text[:link].encode("utf-16-le")) // 2
    kept = post(
        message(
            text,
            entities=[
                types.MessageEntityUrl(units, 6),
                types.MessageEntityTextUrl(0, 4, "https://пример.рф"),
                types.MessageEntityBlockquote(5, 3, collapsed=True),
                types.MessageEntityFormattedDate(5, 3, DATE),
                types.MessageEntityBold(900, 4),
            ],
        ),
        77,
    )
    assert kept.entities == (
        Entity("url", link, link + 6),
        Entity("text_link", 0, 2, "https://пример.рф"),
        Entity("expandable_blockquote", 3, 6),
        Entity("formatted_date", 3, 6),
    )


@given(st.text(st.sampled_from("aб🔥\n👍🏽")), st.data())
def test_code_points_undo_utf_16(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    assert code_points(text, len(text[:at].encode("utf-16-le")) // 2) == at


@given(st.text(st.characters() | st.just("\0") | st.characters(categories=["Cs"])))
def test_any_text_becomes_storable(text: str) -> None:
    kept = clean(text)
    kept.encode()
    assert "\0" not in kept
    assert not any("\ud800" <= character <= "\udfff" for character in kept)


def document(*attributes: Any, **more: Any) -> Any:
    return types.MessageMediaDocument(
        document=types.Document(
            id=31,
            access_hash=1,
            file_reference=b"",
            date=DATE,
            mime_type="x/y",
            size=1,
            dc_id=2,
            attributes=list(attributes),
        ),
        **more,
    )


def plain(text: str) -> Any:
    return types.TextWithEntities(text, [])


POLL = types.MessageMediaPoll(
    poll=types.Poll(
        id=8,
        question=plain("Слышно?"),
        answers=[types.PollAnswer(plain("да"), b"1"), types.PollAnswer(plain("нет"), b"2")],
        hash=0,
    ),
    results=types.PollResults(),
)


@pytest.mark.parametrize(
    ("media", "kind", "number"),
    [
        (types.MessageMediaPhoto(photo=types.PhotoEmpty(44)), "photo", 44),
        (types.MessageMediaPhoto(), "photo", None),
        (document(), "document", 31),
        (document(types.DocumentAttributeVideo(1.0, 2, 2)), "video", 31),
        (document(types.DocumentAttributeVideo(1.0, 2, 2, round_message=True)), "video_note", 31),
        (document(types.DocumentAttributeAudio(1, voice=True)), "voice", 31),
        (document(types.DocumentAttributeAudio(1)), "audio", 31),
        (document(types.DocumentAttributeVideo(1.0, 2, 2), types.DocumentAttributeAnimated()), "animation", 31),
        (types.MessageMediaDocument(video=True), "video", None),
        (types.MessageMediaWebPage(types.WebPageEmpty(12)), "link", 12),
        (types.MessageMediaGeo(types.GeoPoint(1.0, 2.0, 3)), "geo", None),
        (POLL, "poll", 8),
        (types.MessageMediaContact("+7", "A", "B", "", 1), "contact", None),
        (types.MessageMediaDice(3, "🎲"), "dice", None),
        (types.MessageMediaVideoStream(types.InputGroupCall(1, 2)), "MessageMediaVideoStream", None),
    ],
)
def test_every_media_has_a_kind(media: Any, kind: str, number: int | None) -> None:
    kept = post(message("x", media=media), 77)
    assert (kept.media, kept.media_id, kept.kind) == (kind, number, "message")
    assert kept.raw


def test_the_words_of_a_poll_and_a_venue_can_be_searched() -> None:
    assert post(message(media=POLL), 77).text == "Слышно?\nда\nнет"
    venue = types.MessageMediaVenue(types.GeoPointEmpty(), "Школа № 2", "Шебекино", "", "", "")
    assert post(message(media=venue), 77).text == "Школа № 2\nШебекино"


def test_the_words_of_a_rich_message_are_its_text() -> None:
    paragraph = types.PageBlockParagraph(
        types.TextConcat([types.TextPlain("Обстрел "), types.TextBold(types.TextPlain("Козинки"))])
    )
    rich = types.RichMessage(blocks=[paragraph, types.PageBlockDivider()], photos=[], documents=[])
    assert post(message(rich_message=rich), 77).text.strip() == "Обстрел Козинки"


def test_unsupported_media_and_service_messages_are_posts() -> None:
    kept = post(message(media=types.MessageMediaUnsupported()), 77)
    assert (kept.kind, kept.media) == ("unsupported", "unsupported")
    service = types.MessageService(id=6, peer_id=PEER, date=DATE, action=types.MessageActionPinMessage())
    kept = post(service, 77)
    assert (kept.kind, kept.media, kept.text) == ("service", "MessageActionPinMessage", "")


class Broken:
    """Something that is no message at all."""

    id = "?"
    date = "yesterday"

    @property
    def message(self) -> str:
        return "half \ud83d"


@pytest.mark.parametrize("odd", [None, 5, Broken(), types.MessageEmpty(id=3, peer_id=PEER), types.UpdateConfig()])
def test_whatever_comes_becomes_a_post(odd: Any) -> None:
    kept = post(odd, 77)
    assert kept.channel_id == 77
    assert kept.kind == "unsupported"


def channel(**more: Any) -> Any:
    values: dict[str, Any] = {
        "id": 77,
        "title": "Район",
        "photo": types.ChatPhotoEmpty(),
        "date": DATE,
        "access_hash": 5,
    }
    return types.Channel(**{**values, **more})


def test_a_full_channel_says_who_it_is() -> None:
    known = channel_info(channel(username="raion", left=True))
    assert known is not None
    assert (known.id, known.access_hash, known.name, known.title, known.joined) == (77, 5, "raion", "Район", False)
    several = channel_info(channel(usernames=[types.Username("old"), types.Username("new", active=True)]))
    assert several is not None
    assert several.name == "new"


@pytest.mark.parametrize("chat", [channel(min=True), channel(access_hash=None), types.ChatEmpty(3), None])
def test_what_is_no_full_channel_is_not_taken(chat: Any) -> None:
    assert channel_info(chat) is None
