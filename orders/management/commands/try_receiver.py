"""Play ordinary, repeated, late and hostile pushes against a developer's endpoint and print what it got right.

    manage.py try_receiver https://shop.example/push --keys appkeys.json

Exit code 0: all right; 1: something is wrong; 2: it could not be tried. docs/integrating.md, "Try your receiver".
"""

import json
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.destinations import DestinationRefused, check_destination
from console.http import send_sync
from console.http_messages import Answer
from console.models import MiniProgram
from orders.conformance import Play, Stage, Verdict, plays, verdict
from payments.keys import accepted_keys


class Command(BaseCommand):
    help = "Play ordinary, repeated, late and hostile pushes against a developer's endpoint and print what it got right."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", help="The address that receives pushes; the destination rules hold.")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--keys", type=Path, help="appkeys.json, as it came out of the mail.")
        which.add_argument("--app-id", help="A mini program of this database; its active AppKeys are used.")
        parser.add_argument("--env", type=int, choices=(0, 1), default=1, help="0 live, 1 sandbox (the default).")
        parser.add_argument(
            "--as-real", action="store_true", help="Without IsMock, so that the receiver takes the pushes for paid orders."
        )

    def handle(self, **options: Any) -> None:
        url: str = options["url"]
        try:
            check_destination(url)
        except DestinationRefused as refused:
            raise CommandError(refused.sentence, returncode=2) from None
        keys = keys_in(options["keys"]) if options["keys"] else keys_of(options["app_id"])
        wrong = self.play(plays(Stage(url, keys, env=options["env"], mock=not options["as_real"])))
        if wrong:
            raise CommandError(ngettext("%(count)d scene went wrong.", "%(count)d scenes went wrong.", wrong) % {"count": wrong})
        self.stdout.write(_("The receiver got everything right."))

    def play(self, scenes: list[Play]) -> int:
        """Play them in their order; returns how many went wrong. Raises CommandError when the first finds nobody."""
        wrong = 0
        for number, play in enumerate(scenes):
            answers = sent(play)
            if number == 0 and answers[0].unreachable:
                raise CommandError(answers[0].public_reason(), returncode=2)
            found = verdict(play, answers)
            wrong += found.mark == "WRONG"
            self.say(play, found)
        return wrong

    def say(self, play: Play, found: Verdict) -> None:
        """One line for a scene, and another that says why it matters when it went wrong."""
        self.stdout.write(f"{found.mark:5}  {play.title}: {found.said}")
        if found.mark == "WRONG" and play.why:
            self.stdout.write(f"       {play.why}")


def sent(play: Play) -> list[Answer]:
    """Send the pushes of a scene, one after the other or all at once."""
    with ThreadPoolExecutor(max_workers=len(play.requests) if play.together else 1) as pool:
        return list(pool.map(send_sync, play.requests))


def keys_in(path: Path) -> dict[int, str]:
    """The AppKeys of a file like the mailed appkeys.json. Raises CommandError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["appKeys"]
        return {0: str(found["live"]), 1: str(found["sandbox"])}
    except (OSError, ValueError, LookupError, TypeError):
        sentence = _("%(path)s is not the mailed appkeys.json: a JSON object with appKeys, live and sandbox in it.")
        raise CommandError(sentence % {"path": path}, returncode=2) from None


def keys_of(app_id: str) -> dict[int, str]:
    """The active AppKeys of a mini program. Raises CommandError."""
    program = MiniProgram.objects.filter(app_id=app_id).first()
    found = {env: accepted_keys(program.pk, env) for env in (0, 1)} if program else {}
    if not found or not all(found.values()):
        raise CommandError(_("There is no mini program %(app_id)s with AppKeys.") % {"app_id": app_id}, returncode=2)
    return {env: keys[0].text for env, keys in found.items()}
