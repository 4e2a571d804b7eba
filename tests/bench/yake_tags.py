"""The YAKE baseline for `cargo bench -- tags`: single words, ten a text.

Needs `pip install yake`. Reads the JSONL of tagged posts (id, text, gold), writes JSONL {id, tags}; hand the output to the
bench in TGA_YAKE_TAGS, so that all taggers are scored by the same code in the same run.

    python yake_tags.py telegram-hashtags-ru.jsonl > yake.jsonl
"""

import json
import sys

import yake

TAGS_MAX = 10


def main(path: str) -> None:
    extractor = yake.KeywordExtractor(lan="ru", n=1, top=TAGS_MAX)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            post = json.loads(line)
            tags = [phrase for phrase, _score in extractor.extract_keywords(post["text"])]
            print(json.dumps({"id": post["id"], "tags": tags}, ensure_ascii=False))


main(sys.argv[1])
