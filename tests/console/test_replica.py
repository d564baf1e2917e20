"""Lists and exports from a read replica: a second database whose rows differ says which one was read."""

import io
import re
import zipfile
from datetime import timedelta
from hashlib import sha256

import pytest
from django.apps import apps
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from console import exporting, replica
from console.exports import start_export
from console.models import Job, MiniProgram, ReplicaMark, Superapp, Team, TeamGrant, TeamMembership, User
from console.permissions import can
from orders.listings import order_listing
from orders.models import Order
from tests.orders.records import numbers, place

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a second database on the same server"),
]


class Quiet:
    def advance(self, done, total=None):
        pass


@pytest.fixture(scope="session")
def replica_database(django_db_setup, django_db_blocker):
    """A copy of the empty test database, made once."""
    with django_db_blocker.unblock():
        connections.close_all()
        name = f"{connection.settings_dict['NAME']}_replica"
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{connection.settings_dict["NAME"]}"')
    return name


@pytest.fixture
def second(replica_database, db, starfall):
    """The replica, fresh: it has the mini program but none of its orders."""
    connections.settings["replica"] = {**connection.settings_dict, "NAME": replica_database}
    replica._rests_until[0] = 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "ensure_connection", connected)  # the test knew nothing of it when it began
        copy(Superapp, Team, MiniProgram)
        mark(age=-600)  # as young as can be, however long the test takes
        yield connections["replica"]
        connections["replica"].cursor().execute("TRUNCATE console_superapp, console_replicamark CASCADE")
        connections["replica"].close()
    del connections["replica"], connections.settings["replica"]
    replica._rests_until[0] = 0.0


def connected(wrapper):
    """BaseDatabaseWrapper.ensure_connection without the limits that Django puts on a test."""
    if wrapper.connection is None:
        with wrapper.wrap_database_errors:
            wrapper.connect()


def copy(*models):
    """Rows as replication brings them: without the triggers of foreign keys."""
    connections["replica"].cursor().execute("SET session_replication_role = replica")
    for model in models:
        model.objects.using("replica").bulk_create(model.objects.using("default").all())


def mark(*, age):
    """Make the replica look `age` seconds old."""
    ReplicaMark.objects.using("replica").all().delete()
    ReplicaMark(at=timezone.now() - timedelta(seconds=age)).save(using="replica", force_insert=True)


@pytest.fixture
def two(second, starfall):
    """NEW is in the primary only, OLD in both."""
    old = place(starfall, "OLD")
    copy(Order)
    place(starfall, "NEW")
    return old


@pytest.fixture
def page(client, operator, starfall):
    client.force_login(operator)
    return lambda query="": client.get(reverse("orders:list", kwargs={"app_id": starfall.app_id}) + query)


def written(program):
    listing = order_listing(program, QueryDict(""))
    target = io.BytesIO()
    done = exporting.write_csv(listing, listing.matching, listing.columns[:1], target, progress=Quiet())
    return target.getvalue().decode("utf-8-sig").split(), done


def test_a_list_is_read_from_the_replica(two, page):
    response = page()
    assert numbers(response) == ["OLD"]
    assert "up to" not in response.content.decode()


def test_a_page_says_when_it_is_older_than_some_seconds(two, page):
    mark(age=12)
    found = re.search(r"This list is up to (\d+) seconds old\.", page().content.decode())
    assert found and int(found[1]) >= 12


def test_a_replica_that_is_too_old_is_not_read(two, page, settings):
    mark(age=settings.REPLICA_MAX_LAG + 1)
    response = page()
    assert numbers(response) == ["NEW", "OLD"]
    assert "seconds old" not in response.content.decode()


def test_a_replica_without_a_mark_is_not_read(two, page):
    ReplicaMark.objects.using("replica").all().delete()
    assert numbers(page()) == ["NEW", "OLD"]


def test_a_replica_that_is_gone_is_left_alone_and_the_primary_is_read(two, page):
    good = connections["replica"].settings_dict["NAME"]
    connections["replica"].close()
    connections["replica"].settings_dict["NAME"] = "nowhere"
    assert numbers(page()) == ["NEW", "OLD"]
    connections["replica"].settings_dict["NAME"] = good
    assert numbers(page()) == ["NEW", "OLD"]  # it rests
    replica._rests_until[0] = 0.0
    assert numbers(page()) == ["OLD"]


@pytest.fixture
def breaks(second):
    """The replica answers until somebody reads an order."""
    with connections["replica"].cursor() as cursor:
        cursor.execute("ALTER TABLE orders_order RENAME TO away")
        # A query that recovery cancels is an OperationalError, as this one is.
        cursor.execute("CREATE VIEW orders_order AS SELECT * FROM away WHERE pg_terminate_backend(pg_backend_pid())")
    yield
    with connections["replica"].cursor() as cursor:
        cursor.execute("DROP VIEW orders_order")
        cursor.execute("ALTER TABLE away RENAME TO orders_order")


def test_a_replica_that_fails_on_the_way_gives_the_page_of_the_primary(two, breaks, page):
    assert numbers(page()) == ["NEW", "OLD"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["csv", "zip", "xlsx"])
def test_a_file_in_whose_midst_the_replica_fails_is_written_anew_from_the_primary(two, breaks, operator, starfall, kind):
    start_export("orders", starfall, actor=operator, query="", columns=["number"], scope="all", file=kind)
    job = Job.objects.get()
    assert (job.state, job.result["rows"]) == ("succeeded", 2)
    data = job.file.read()
    if kind == "zip":
        first, *_others = zipfile.ZipFile(io.BytesIO(data)).infolist()
        assert first.header_offset == 0
        data = zipfile.ZipFile(io.BytesIO(data)).read(first)
    assert (len(data), sha256(data).hexdigest()) == (job.result["size"], job.result["sha256"])
    assert replica._rests_until[0] > 0


def test_a_role_that_the_replica_still_has_is_over(two, page, operator, starfall):
    copy(User, TeamMembership, TeamGrant)
    assert numbers(page()) == ["OLD"]
    TeamGrant.objects.using("default").all().delete()
    assert TeamGrant.objects.using("replica").exists()
    assert page().status_code in (403, 404)
    with replica.reading():
        assert not can(operator, "orders.view_order", starfall)


def test_only_the_models_of_the_records_are_read_from_it(two, settings):
    with replica.reading():
        found = {model._meta.label_lower for model in apps.get_models() if model.objects.all().db == "replica"}
    assert found == settings.REPLICA_MODELS == {"orders.order", "orders.refund"}


def test_nothing_is_written_to_it(two):
    with replica.reading():
        Order.objects.filter(out_trade_no="OLD").update(zone_id="7")
        assert Order.objects.using("default").get(out_trade_no="OLD").zone_id == "7"
        assert Order.objects.using("replica").get(out_trade_no="OLD").zone_id == ""


def test_the_record_itself_is_the_primarys(two, client, operator, starfall):
    Order.objects.using("default").filter(pk=two.pk).update(product_name="Renamed since")
    client.force_login(operator)
    text = client.get(reverse("orders:detail", kwargs={"app_id": starfall.app_id, "pk": two.pk})).content.decode()
    assert "Renamed since" in text


def test_an_export_is_a_snapshot_of_the_replica_and_says_of_when(two, starfall):
    mark(age=9)
    cells, done = written(starfall)
    assert cells[-1] == "OLD"
    assert "NEW" not in cells
    assert done.totals.rows == 1
    assert timedelta(seconds=9) <= timezone.now() - done.taken_at < timedelta(seconds=60)


def test_the_totals_before_an_export_are_the_replicas(two, client, operator, starfall):
    client.force_login(operator)
    url = reverse("orders:export", kwargs={"app_id": starfall.app_id})
    for page in (client.get(url), client.post(url, {"scope": "all", "columns": []})):
        text = page.content.decode()
        assert "All that match: 1 order" in text and "Only this page of the list: 1 order" in text


def test_the_mark_is_renewed_in_the_primary(second):
    replica.renew_mark()
    first = ReplicaMark.objects.using("default").get().at
    replica.renew_mark()
    assert ReplicaMark.objects.using("default").get().at >= first
    assert ReplicaMark.objects.using("default").count() == 1


def test_without_a_replica_nothing_is_asked(django_assert_num_queries):
    with django_assert_num_queries(0), replica.reading() as alias:
        assert (alias, replica.age()) == ("default", None)
