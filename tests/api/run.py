"""Asks every operation of the API's document everything a generator can think of, as nobody, as a user and as an admin.

    python3 tests/api/run.py TGA SCHEMATHESIS [SECONDS]

TGA is the binary, SCHEMATHESIS the program of that name, SECONDS how long each of the three may take. The service runs on a
free port over a data directory of its own, with one tenant, a few posts and a bot whose token only this file knows.
Exits 1 when a check of schemathesis failed for anybody.
"""

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

BOT_TOKEN = "424242:AAtestsAAtestsAAtestsAAtestsAAtests"
SECONDS_DEFAULT = 60
READY_S = 60
POSTS = [
    {"channel": "news", "channel_title": "Новости", "message_id": n, "date": "2026-11-20T10:00:00Z",
     "text": f"Ледокол номер {n} вышел из порта Мурманск с грузом для полярной станции https://example.org/{n}"}
    for n in range(1, 21)
]
# Signing out in the middle would make the rest of the run a run of nobody.
NOT_ASKED = ["/api/auth/logout", "/api/users/me"]


# An address over its limit is refused as well, and what is beyond all numbers is no number. What a schema cannot say is
# refused all the same: an invite code that does not exist, a challenge that is over, a moment in the past, a text that names no
# channel or is no tag, a flag that is not set for one person, a rating without an answer, an alert
# that looks for nothing.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "414", "422", "429"]

[[operations]]
include-name = [
    "POST /api/users/", "POST /tg/qr/start", "POST /tg/qr/init", "POST /api/tg/qr/start", "POST /api/tg/qr/init",
    "POST /qr-auth/start", "POST /qr-auth/init",
]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "409", "429", "503"]

[[operations]]
include-name = ["POST /api/auth/passkeys/login/finish", "POST /api/auth/passkeys/register/finish"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "409", "410", "429"]

[[operations]]
include-name = [
    "POST /api/admin/invites", "POST /api/channels", "POST /api/channels/users/{user_id}/channels",
    "POST /api/tags/merge", "PUT /api/tags/protected", "PUT /api/admin/flags/{flag}", "POST /api/feedback",
    "POST /api/alerts", "POST /api/alerts/preview", "PUT /api/alerts/{id}",
]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "503"]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def init_data(telegram_id):
    fields = {"auth_date": str(int(time.time())), "query_id": "AAH1",
              "user": json.dumps({"id": telegram_id, "first_name": "Анна"}, ensure_ascii=False)}
    text = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    key = hmac.new(b"WebAppData", BOT_TOKEN.encode(), hashlib.sha256).digest()
    fields["hash"] = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return urllib.parse.urlencode(fields)


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_ready(url, service):
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if service.poll() is not None:
            sys.exit(f"the service ended with {service.returncode}")
        try:
            with urllib.request.urlopen(url + "/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"the service was not ready within {READY_S} s")


def ask(program, url, who, token, seconds, home):
    command = [program, "--config-file", os.path.join(home, "schemathesis.toml"), "run", url + "/openapi.json", "--checks", "all", "--max-time", str(seconds),
               "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--seed", "1",
               "--workers", "1", "--no-color", "--suppress-health-check", "all", "--warnings", "off"]
    for path in NOT_ASKED:
        command += ["--exclude-path", path]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    started = time.monotonic()
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=seconds * 3 + 120)
    lines = done.stdout.splitlines()
    print(f"{who}: {'ok' if done.returncode == 0 else 'FAILED'}, {time.monotonic() - started:.0f} s; "
          + " ".join(line.strip() for line in lines[-12:] if "generated" in line or "Operations" in line))
    if done.returncode != 0:
        print(done.stdout[-20000:], done.stderr[-2000:])
    return done.returncode == 0


def main():
    tga, program = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else SECONDS_DEFAULT
    with tempfile.TemporaryDirectory() as home:
        with open(os.path.join(home, "schemathesis.toml"), "w", encoding="utf-8") as out:
            out.write(CONFIGURATION)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = dict(os.environ, BOT_TOKEN=BOT_TOKEN, TGA__SERVER__LISTEN=f"127.0.0.1:{port}",
                           TGA__METRICS__LISTEN="", TGA__LOG__LEVEL="warn",
                           TGA__SERVER__PUBLIC_URL=f"http://localhost:{port}")
        # Logins begin, and wait for a data centre that never answers.
        environment.update({
            "TELEGRAM_API_ID": "12345", "TELEGRAM_API_HASH": "0" * 32,
            # No provider of models outside is ever asked.
            "TGA__AI__OPENAI__BASE_URL": "http://127.0.0.1:9/v1",
            "TGA__AI__GIGACHAT__BASE_URL": "http://127.0.0.1:9/v1",
            "TGA__AI__GIGACHAT__AUTH_URL": "http://127.0.0.1:9/oauth",
            "TGA__TELEGRAM__DATACENTERS": '[{ id = 2, address = "127.0.0.1:9", auth_key = "%s" }]' % ("0a" * 32),
        })
        for limit in ["IP", "IP_SIGN_INS", "IP_QR_STARTS", "USER", "USER_COSTLY", "TENANT"]:
            environment[f"TGA__LIMITS__{limit}_PER_MINUTE"] = "0"

        def run(*arguments):
            command = [tga, "--data-dir", os.path.join(home, "data"), "--json", *arguments]
            done = subprocess.run(command, env=environment, cwd=home, check=True, stdout=subprocess.PIPE)
            return json.loads(done.stdout)

        admin = run("init")["token"]
        file = os.path.join(home, "posts.jsonl")
        with open(file, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(post, ensure_ascii=False) + "\n" for post in POSTS)
        run("import", file, "--tenant", "main")
        code = run("invite", "create", "--tenant", "main", "--role", "user", "--limit", "0",
                   "--expires", "2099-01-01T00:00:00Z")["code"]
        command = [tga, "--data-dir", os.path.join(home, "data"), "serve"]
        with open(os.path.join(home, "log"), "w", encoding="utf-8") as log:
            service = subprocess.Popen(command, env=environment, cwd=home, stderr=log)
        try:
            wait_ready(url, service)
            signed = post(url + "/api/auth/telegram-webapp", {"init_data": init_data(7), "invite_code": code})
            people = [("nobody", None), ("a user", signed["access_token"]), ("an admin", admin)]
            good = [ask(program, url, who, token, seconds, home) for who, token in people]
            if service.poll() is not None:
                print(f"the service ended with {service.returncode}")
                good.append(False)
        finally:
            service.terminate()
            service.wait(timeout=60)
        if not all(good):
            with open(os.path.join(home, "log"), encoding="utf-8") as log:
                print(log.read()[-5000:])
            sys.exit(1)


main()
