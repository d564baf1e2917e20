"""All routes. What is public stands in console/checks.py with its reason; everything else states a permission."""

from django.conf import settings
from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

from console.views import (
    activity,
    export_schedules,
    exports,
    invitations,
    jobs,
    linked_email,
    members,
    notices,
    pages,
    platform,
    platform_teams,
    platform_users,
    team_roles,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.Home.as_view(), name="home"),
    path("health", pages.Health.as_view(), name="health"),
    path("metrics", pages.Metrics.as_view(), name="metrics"),
    path("preferences", pages.Preferences.as_view(), name="preferences"),
    path("notifications/", notices.NoticeList.as_view(), name="notices"),
    path("notifications/read", notices.NoticeRead.as_view(), name="notice-read"),
    path("notifications/preferences", notices.NoticePreferences.as_view(), name="notice-preferences"),
    # Whoever could change the own address would sign in by one that nobody confirmed; the platform knows people by theirs.
    path("accounts/email/", pages.NotHere.as_view(), name="account_email"),
    path("accounts/", include("allauth.urls")),
    path("s/<str:superapp>/", pages.SuperappHome.as_view(), name="superapp-home"),
    path("s/<str:superapp>/activity/", activity.Activity.as_view(), name="superapp-activity"),
    path("s/<str:superapp>/activity/export", exports.ActivityExport.as_view(), name="superapp-activity-export"),
    path("t/<str:team>/activity/", activity.Activity.as_view(), name="team-activity"),
    path("t/<str:team>/activity/export", exports.ActivityExport.as_view(), name="team-activity-export"),
    path("m/<str:app_id>/activity/", activity.Activity.as_view(), name="program-activity"),
    path("m/<str:app_id>/activity/export", exports.ActivityExport.as_view(), name="program-activity-export"),
    *(
        route
        for place, kind in (("m/<str:app_id>", "program"), ("s/<str:superapp>", "superapp"))
        for route in (
            path(f"{place}/exports/", export_schedules.ScheduleList.as_view(), name=f"{kind}-export-schedules"),
            path(f"{place}/exports/create", export_schedules.ScheduleCreate.as_view(), name=f"{kind}-export-schedule-create"),
            path(f"{place}/exports/<int:pk>/", export_schedules.ScheduleEdit.as_view(), name=f"{kind}-export-schedule"),
        )
    ),
    path("roles/", members.Roles.as_view(), name="roles"),
    *(
        route
        for place, kind in (("t/<str:team>", "team"), ("s/<str:superapp>", "superapp"))
        for route in (
            path(f"{place}/members/", members.Members.as_view(), name=f"{kind}-members"),
            path(f"{place}/members/add", members.MemberAdd.as_view(), name=f"{kind}-member-add"),
            path(f"{place}/members/<int:pk>/", members.MemberRole.as_view(), name=f"{kind}-member-role"),
            path(f"{place}/members/<int:pk>/remove", members.MemberRemove.as_view(), name=f"{kind}-member-remove"),
            path(f"{place}/invitations/", invitations.PlaceInvitations.as_view(), name=f"{kind}-invitations"),
            path(f"{place}/invitations/<int:pk>/", invitations.PlaceInvitation.as_view(), name=f"{kind}-invitation"),
            path(
                f"{place}/invitations/<int:pk>/resend",
                invitations.PlaceInvitationResend.as_view(),
                name=f"{kind}-invitation-resend",
            ),
            path(
                f"{place}/invitations/<int:pk>/revoke",
                invitations.PlaceInvitationRevoke.as_view(),
                name=f"{kind}-invitation-revoke",
            ),
        )
    ),
    path("t/<str:team>/roles/", team_roles.TeamRoles.as_view(), name="team-roles"),
    path("t/<str:team>/roles/create", team_roles.TeamRoleCreate.as_view(), name="team-role-create"),
    path("t/<str:team>/roles/<int:pk>/", team_roles.TeamRoleEdit.as_view(), name="team-role"),
    path("t/<str:team>/roles/<int:pk>/remove", team_roles.TeamRoleRemove.as_view(), name="team-role-remove"),
    path("platform/superapps/", platform.Superapps.as_view(), name="platform-superapps"),
    path("platform/superapps/create", platform.SuperappCreate.as_view(), name="platform-superapp-create"),
    path("platform/superapps/<str:code>/", platform.SuperappPage.as_view(), name="platform-superapp"),
    path("platform/superapps/<str:code>/edit", platform.SuperappEdit.as_view(), name="platform-superapp-edit"),
    path("platform/superapps/<str:code>/appoint", platform.SuperappAppoint.as_view(), name="platform-superapp-appoint"),
    path("platform/teams/", platform_teams.Teams.as_view(), name="platform-teams"),
    path("platform/teams/create", platform_teams.TeamCreate.as_view(), name="platform-team-create"),
    path("platform/teams/<str:code>/", platform_teams.TeamPage.as_view(), name="platform-team"),
    path("platform/teams/<str:code>/edit", platform_teams.TeamEdit.as_view(), name="platform-team-edit"),
    path("platform/teams/<str:code>/email", platform_teams.TeamEmail.as_view(), name="platform-team-email"),
    path("platform/teams/<str:code>/email/resend", platform_teams.TeamEmailResend.as_view(), name="platform-team-email-resend"),
    path(
        "platform/teams/<str:code>/email/withdraw",
        platform_teams.TeamEmailWithdraw.as_view(),
        name="platform-team-email-withdraw",
    ),
    path("platform/teams/<str:code>/appoint", platform_teams.TeamAppoint.as_view(), name="platform-team-appoint"),
    path("platform/teams/<str:code>/programs/create", platform_teams.MiniProgramCreate.as_view(), name="platform-program-create"),
    path("platform/teams/<str:code>/programs/<int:pk>", platform_teams.MiniProgramEdit.as_view(), name="platform-program-edit"),
    path("platform/activity/", activity.PlatformActivity.as_view(), name="platform-activity"),
    path("platform/activity/export", exports.PlatformActivityExport.as_view(), name="platform-activity-export"),
    path("platform/users/", platform_users.Users.as_view(), name="platform-users"),
    path("platform/users/invite", platform_users.UserInvite.as_view(), name="platform-user-invite"),
    path("platform/users/<int:pk>/", platform_users.UserPage.as_view(), name="platform-user"),
    path("platform/users/<int:pk>/close", platform_users.UserClose.as_view(), name="platform-user-close"),
    path("platform/users/<int:pk>/reopen", platform_users.UserReopen.as_view(), name="platform-user-reopen"),
    path("platform/users/<int:pk>/appoint", platform_users.PlatformAdminAppoint.as_view(), name="platform-admin-appoint"),
    path("platform/users/<int:pk>/dismiss", platform_users.PlatformAdminDismiss.as_view(), name="platform-admin-dismiss"),
    path("platform/invitations/", platform_users.Invitations.as_view(), name="platform-invitations"),
    path("platform/invitations/<int:pk>/", platform_users.InvitationPage.as_view(), name="platform-invitation"),
    path("platform/invitations/<int:pk>/resend", platform_users.InvitationResend.as_view(), name="platform-invitation-resend"),
    path("platform/invitations/<int:pk>/revoke", platform_users.InvitationRevoke.as_view(), name="platform-invitation-revoke"),
    path("invitations/<str:token>", invitations.InvitationAccept.as_view(), name="invitation"),
    path("linked-email/<str:token>", linked_email.LinkedEmailConfirm.as_view(), name="linked-email-confirm"),
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
