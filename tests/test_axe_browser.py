"""axe finds nothing serious on the pages people live in, in the light theme and in the dark one (WCAG 2.2 AA)."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from console.models import Team
from tests.whole_sale import Walk

SERIOUS = {"serious", "critical"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
#: Pages of each person; {app} is Moonlit Cards, {team} and {superapp} are its own.
PAGES = {
    "team-admin@demo.test": [
        "/m/{app}/", "/m/{app}/items/", "/m/{app}/items/{item}/", "/m/{app}/items/{item}/test-purchase", "/m/{app}/orders/",
        "/m/{app}/refunds/", "/m/{app}/delivery/", "/m/{app}/payment/", "/m/{app}/activity/", "/t/{team}/merchant/",
        "/t/{team}/members/", "/notifications/", "/notifications/preferences", "/roles/",
    ],
    "superapp-admin@demo.test": [
        "/s/{superapp}/approvals/", "/s/{superapp}/approvals/?tab=decided", "/s/{superapp}/payment-management/",
        "/s/{superapp}/merchants/", "/s/{superapp}/backend/",
        "/s/{superapp}/items/", "/s/{superapp}/orders/", "/s/{superapp}/activity/",
    ],
    "superadmin@demo.test": ["/platform/superapps/", "/platform/teams/", "/platform/users/", "/platform/invitations/"],
}  # fmt: skip


def serious(page) -> list[str]:
    """What axe holds against the page: rule, how many places, and the first of them."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{rule['id']} at {len(rule['nodes'])}: {rule['nodes'][0]['html'][:160]}" for rule in found if rule["impact"] in SERIOUS
    ]


@pytest.mark.browser
def test_axe_finds_nothing_serious(browser_page, site):
    program, walk, wrong = site.program("Moonlit Cards"), Walk(browser_page, site.url), []
    names = {
        "app": program["app_id"],
        "team": Team.objects.get(name=program["team"]).code,
        "superapp": site.demo["superapp"]["id"],
    }
    names["item"] = program["items"][0]["product_id"]
    for email, paths in PAGES.items():
        walk.sign_in(email)
        for path in paths:
            answer = browser_page.goto(site.url + path.format(**names))
            if answer.status != 200:
                wrong.append(f"{path}: answered {answer.status}")
            for theme in ("light", "dark"):
                browser_page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                wrong += [f"{path} ({theme}): {fault}" for fault in serious(browser_page)]
    assert not wrong, "\n".join(wrong)
