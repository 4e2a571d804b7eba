"""The official clients, gigachat and openai, against the tests' server of models: proves that it speaks their protocols and not our own.

Called by tests/it/providers.rs with the server's address, both keys and the model's name. Prints one line per step; exit code 0 when
everything went as it must.
"""

import io
import sys

from gigachat import GigaChat
from gigachat.exceptions import AuthenticationError, NotFoundError
from openai import AuthenticationError as OpenAiAuthenticationError
from openai import OpenAI


def say(*words):
    print(*words, flush=True)


def gigachat(url, key, model):
    def client(**more):
        return GigaChat(
            base_url=f"{url}/api", auth_url=f"{url}/oauth", **{"credentials": key, "model": model, "max_retries": 0, **more}
        )

    with client() as giga:
        names = [found.id_ for found in giga.get_models().data]
        assert names == [model], names
        answer = giga.chat("Вопрос")
        assert answer.choices[0].message.content == "Ответ одной строкой.", answer
        assert answer.usage.total_tokens == 150
        say("GIGACHAT-CHAT")
        pieces = [chunk.choices[0].delta.content for chunk in giga.stream("Вопрос") if chunk.choices]
        assert "".join(pieces) == "Ответ одной строкой." and len(pieces) > 2, pieces
        say("GIGACHAT-STREAM")
        vectors = giga.embeddings(["один", "два"], model="Embeddings").data
        assert [len(vector.embedding) for vector in vectors] == [8, 8]
        say("GIGACHAT-EMBEDDINGS")
    for more in ({"credentials": "d3Jvbmc6d3Jvbmc="},):
        try:
            client(**more).chat("Вопрос")
            raise SystemExit("a wrong key was taken")
        except AuthenticationError:
            pass
    try:
        client(model="no-such-model").chat("Вопрос")
        raise SystemExit("an unknown model was taken")
    except NotFoundError:
        say("GIGACHAT-REFUSED")


def openai(url, key, model):
    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    assert [found.id for found in client.models.list()] == [model]
    messages = [{"role": "user", "content": "Вопрос"}]
    answer = client.chat.completions.create(model=model, messages=messages)
    assert answer.choices[0].message.content == "Ответ одной строкой."
    assert answer.usage.total_tokens == 150
    say("OPENAI-CHAT")
    chunks = client.chat.completions.create(
        model=model, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    text, usage = "", None
    for chunk in chunks:
        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        usage = chunk.usage or usage
    assert text == "Ответ одной строкой." and usage.total_tokens == 150, text
    say("OPENAI-STREAM")
    vectors = client.embeddings.create(model="Embeddings", input=["a", "b"], encoding_format="float").data
    assert [len(vector.embedding) for vector in vectors] == [8, 8]
    voice = io.BytesIO(b"OggS not really")
    voice.name = "voice.ogg"
    words = client.audio.transcriptions.create(model="whisper-1", file=voice)
    assert words.text == "что нового в метро", words
    say("OPENAI-VOICE")
    try:
        OpenAI(base_url=f"{url}/v1", api_key="sk-wrong", max_retries=0).models.list()
        raise SystemExit("a wrong key was taken")
    except OpenAiAuthenticationError:
        say("OPENAI-REFUSED")


if __name__ == "__main__":
    gigachat(sys.argv[1], sys.argv[2], sys.argv[4])
    openai(sys.argv[1], sys.argv[3], sys.argv[4])
