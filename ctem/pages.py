"""The map of all pages on one screen. Each is one thin view; who may is asked inside (404, 403)."""

from django.contrib.auth import views as auth
from django.urls import path

from findings.views import findings
from forges.views import connections, setting_up
from scans.views import (
    asset_evidence,
    certificates,
    evidence,
    home,
    objections,
    policies,
    remediations,
    runs,
    scans,
    snippets,
    verifications,
)
from scans.views import findings as finding_pages
from scans.views import scopes as scope_pages
from scopes.views import scopes

urlpatterns = [
    path("", home.home, name="home"),
    # signing in and oneself
    path("sign-in/", auth.LoginView.as_view(template_name="sign_in.html"), name="sign-in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("profile/", scopes.profile, name="profile"),
    path("tokens/", scopes.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", scopes.token_revoke, name="token-revoke"),
    # findings
    path("findings/", finding_pages.findings, name="findings"),
    path("findings/<int:pk>/", finding_pages.finding, name="finding"),
    path(
        "findings/<int:pk>/transitions/<slug:name>/",
        finding_pages.transition,
        name="finding-transition",
    ),
    path("findings/<int:pk>/comments/", findings.comment, name="finding-comment"),
    path("findings/<int:pk>/assignee/", findings.set_assignee, name="finding-assign"),
    path("findings/<int:pk>/acceptance/", findings.ask_acceptance, name="finding-acceptance"),
    path("findings/<int:pk>/dismissal/", findings.ask_dismissal, name="finding-dismissal"),
    path("findings/<int:pk>/revocations/", evidence.tell_revocation, name="finding-revocation"),
    path("findings/<int:pk>/certificate/", certificates.certificate, name="certificate"),
    path("findings/<int:pk>/certificate/key/", certificates.key, name="certificate-key"),
    path("findings/<int:pk>/certificate/<slug:form>/", certificates.file, name="certificate-file"),
    # fixes and their judgement
    path("remediations/", remediations.remediations, name="remediations"),
    path("remediations/<int:pk>/", remediations.remediation, name="remediation"),
    path("remediations/<int:pk>/reviews/", remediations.review, name="remediation-review"),
    path("remediations/<int:pk>/proofs/", evidence.tell_proof, name="remediation-proof"),
    path("remediations/<int:pk>/verify/", runs.verify, name="remediation-verify"),
    path("remediations/<int:pk>/diff/", remediations.diff, name="remediation-diff"),
    path("verification/", verifications.queue, name="verification-queue"),
    path("verification/<int:pk>/", verifications.verification, name="verification"),
    path(
        "verification/<int:pk>/dispositions/",
        verifications.dispose,
        name="verification-disposition",
    ),
    path("verification/<int:pk>/waivers/", objections.waive, name="verification-waiver"),
    path("verification/<int:pk>/disputes/", objections.dispute, name="verification-dispute"),
    path("waivers/<int:pk>/revoke/", objections.revoke, name="waiver-revoke"),
    path("disputes/<int:pk>/confirm/", objections.confirm, name="dispute-confirm"),
    path("disputes/<int:pk>/withdraw/", objections.withdraw, name="dispute-withdraw"),
    # what was scanned, what we look at, what happened
    path("scans/", scans.scans, name="scans"),
    path("scans/<int:pk>/", scans.scan, name="scan"),
    path("scans/<int:pk>/progress/", scans.progress, name="scan-progress"),
    path("scans/<int:pk>/raw/", scans.raw, name="scan-raw"),
    path("scans/<int:pk>/cancel/", runs.cancel, name="scan-cancel"),
    path("scopes/", scope_pages.scopes, name="scopes"),
    path(
        "scopes/<slug:slug>/standing-approvals/",
        evidence.standing_approvals,
        name="standing-approvals",
    ),
    path(
        "scopes/<slug:slug>/standing-approvals/give/", evidence.give, name="standing-approval-give"
    ),
    path("standing-approvals/<int:pk>/end/", evidence.end, name="standing-approval-end"),
    path("scopes/<slug:slug>/", scope_pages.scope, name="scope"),
    path("scopes/<slug:slug>/policy/", policies.policy, name="scope-policy"),
    path("scopes/<slug:slug>/policy/try/", policies.try_policy, name="scope-policy-try"),
    path("scopes/<slug:slug>/policy/put/", policies.put_policy, name="scope-policy-put"),
    path("assets/<int:pk>/evidence/", asset_evidence.asset_evidence, name="asset-evidence"),
    path("assets/<int:pk>/snippets/", snippets.asset_snippets, name="asset-snippets"),
    # code hosts
    path("integrations/", connections.integrations, name="integrations"),
    path("integrations/new/", setting_up.new, name="connection-new"),
    path("integrations/<int:pk>/", connections.connection, name="connection"),
    path("integrations/<int:pk>/progress/", connections.progress, name="connection-progress"),
    path("integrations/<int:pk>/change/", setting_up.change, name="connection-change"),
    path("integrations/<int:pk>/key/", setting_up.new_key, name="connection-key"),
    path("integrations/<int:pk>/secret/", setting_up.new_secret, name="connection-secret"),
    path("integrations/<int:pk>/look/", setting_up.look, name="connection-look"),
    path("integrations/<int:pk>/end/", setting_up.end, name="connection-end"),
    path("audit/", scopes.audit, name="audit"),
]
