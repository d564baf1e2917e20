"""All routes. What is public stands in console/checks.py with its reason; everything else states a permission."""

from django.conf import settings
from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

from console.views import activity, jobs, members, pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.Home.as_view(), name="home"),
    path("health", pages.Health.as_view(), name="health"),
    path("preferences", pages.Preferences.as_view(), name="preferences"),
    path("accounts/", include("allauth.urls")),
    path("s/<str:superapp>/", pages.SuperappHome.as_view(), name="superapp-home"),
    path("s/<str:superapp>/activity/", activity.Activity.as_view(), name="superapp-activity"),
    path("t/<str:team>/activity/", activity.Activity.as_view(), name="team-activity"),
    path("m/<str:app_id>/activity/", activity.Activity.as_view(), name="program-activity"),
    path("roles/", members.Roles.as_view(), name="roles"),
    *(
        route
        for place, kind in (("t/<str:team>", "team"), ("s/<str:superapp>", "superapp"))
        for route in (
            path(f"{place}/members/", members.Members.as_view(), name=f"{kind}-members"),
            path(f"{place}/members/add", members.MemberAdd.as_view(), name=f"{kind}-member-add"),
            path(f"{place}/members/<int:pk>/", members.MemberRole.as_view(), name=f"{kind}-member-role"),
            path(f"{place}/members/<int:pk>/remove", members.MemberRemove.as_view(), name=f"{kind}-member-remove"),
        )
    ),
    path("jobs/", jobs.JobList.as_view(), name="job-list"),
    path("jobs/<uuid:uid>/", jobs.JobDetail.as_view(), name="job-detail"),
    path("jobs/<uuid:uid>/cancel", jobs.JobCancel.as_view(), name="job-cancel"),
    path("jobs/<uuid:uid>/file", jobs.JobFile.as_view(), name="job-file"),
    path("", include("payments.urls")),
    path("", include("items.urls")),
    path("", include("orders.urls")),
    path("", include("openserver.desk_urls")),
    path("openserver/v1/", include("openserver.urls")),
]
if settings.DEBUG or settings.DEMO or settings.TESTING:
    urlpatterns.append(path("styleguide/", pages.StyleGuide.as_view(), name="styleguide"))
if settings.DEMO and settings.SIMULATOR:
    urlpatterns.append(path("", include("simulator.demo_urls")))
if settings.SIMULATOR:
    urlpatterns.append(path("simulator/", include("simulator.urls")))
