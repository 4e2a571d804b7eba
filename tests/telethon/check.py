"""Telethon against the test data centre: proves that the server speaks Telegram and not our own dialect.

Called by tests/it/telethon.rs with the address, the key file, the password and the transport. Prints one line per step; the
test reads them and does what a phone would do. Exit code 0 when everything went as it must.
"""

import asyncio
import sys

from telethon import TelegramClient, errors, events
from telethon.crypto import AuthKey
from telethon.network import ConnectionTcpAbridged, ConnectionTcpFull, ConnectionTcpIntermediate
from telethon.sessions import StringSession

TRANSPORTS = {
    "full": ConnectionTcpFull,
    "intermediate": ConnectionTcpIntermediate,
    "abridged": ConnectionTcpAbridged,
}


def say(*words):
    print(*words, flush=True)


async def main(host, port, key_file, password, transport):
    session = StringSession()
    session.set_dc(2, host, int(port))
    with open(key_file, "rb") as file:
        session.auth_key = AuthKey(file.read())
    client = TelegramClient(
        session, 1, "x", connection=TRANSPORTS[transport], connection_retries=1, request_retries=1
    )
    client.flood_sleep_threshold = 0
    await client.connect()
    assert not await client.is_user_authorized()
    login = await client.qr_login()
    say("TOKEN", login.token.hex())
    try:
        await login.wait(30)
        assert not password, "a password should have been asked for"
    except errors.SessionPasswordNeededError:
        try:
            await client.sign_in(password="not it")
            raise SystemExit("a wrong password was taken")
        except errors.PasswordHashInvalidError:
            say("WRONG-PASSWORD-REFUSED")
        await client.sign_in(password=password)
    me = await client.get_me()
    say("ME", me.id, me.first_name)
    channel = await client.get_entity("testnews")
    posts = [message.id async for message in client.iter_messages(channel, limit=230)]
    assert posts == sorted(posts, reverse=True) and len(posts) == 230, posts
    say("HISTORY", len(posts))
    heard = asyncio.get_running_loop().create_future()

    @client.on(events.NewMessage(chats=channel))
    async def _(event):
        if not heard.done():
            heard.set_result(event.raw_text)

    say("LISTENING")
    say("HEARD", await asyncio.wait_for(heard, 30))
    try:
        await client.get_messages(channel, limit=1)
        raise SystemExit("the flood wait was not noticed")
    except errors.FloodWaitError as error:
        say("FLOOD", error.seconds)
    say("SESSION", session.save())
    await client.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:6]))
